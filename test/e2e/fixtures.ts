import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test as base } from '@playwright/test';
import { startDisplay } from '../support/display.mjs';
import { startBrowser } from '../support/headless.mjs';
import { startEngine, type Engine, type Generation } from '../support/engine.mjs';
import { Unavailable } from '../support/report.mjs';
import { BrowserApp } from './browser-app';
import { ChatPane } from './pages/chat-pane';
import { DashboardPane } from './pages/dashboard-pane';
import { SandboxPane } from './pages/sandbox-pane';
import { SettingsDialog } from './pages/settings-dialog';
import { SetupView } from './pages/setup-view';
import { TerminalPane } from './pages/terminal-pane';
import { Window } from './pages/window';
import { DesktopApp, type SandboxApp } from './sandbox-app';

/** The views of the app, each speaking of what a person sees. */
export interface Views {
  readonly window: Window;
  readonly setup: SetupView;
  readonly terminal: TerminalPane;
  readonly chat: ChatPane;
  readonly dashboard: DashboardPane;
  readonly sandbox: SandboxPane;
  readonly settings: SettingsDialog;
}

/** Starts engines on first use and keeps them for the specs that follow. */
export type Engines = (generation: Generation) => Promise<Engine>;

interface TestFixtures {
  /** Keeps a picture of the window and the app's own words of a test that failed. */
  readonly evidence: undefined;
  /** Of the page that is open when a property is read, also after the app was started again. */
  readonly views: Views;
}

interface WorkerFixtures {
  /** Which door the specs come through; playwright.config.ts has a project for each. */
  readonly runner: 'desktop' | 'browser';
  /** The only place that knows how the app is started. */
  readonly app: SandboxApp;
  readonly engines: Engines;
}

const builtApp = join(__dirname, '../../dist/test/linux-unpacked/lm-sandbox');
const noEngine = process.env['LM_SANDBOX_TEST_NO_ENGINE'];
/** `images` is the engine in which `npm test` has just built the sandbox image. */
const engineName = process.env['LM_SANDBOX_TEST_ENGINE'] ?? 'images';

export const test = base.extend<TestFixtures, WorkerFixtures>({
  runner: ['desktop', { option: true, scope: 'worker' }],

  app: [
    async ({ runner }, use) => {
      if (runner === 'browser') {
        await withBrowser(use);
        return;
      }
      const executablePath = process.env['LM_SANDBOX_TEST_APP'] ?? builtApp;
      if (!existsSync(executablePath)) {
        throw new Error(`There is no ${executablePath}: run node scripts/package.mjs --test-electron`);
      }
      const display = process.env['DISPLAY'] === undefined ? await startDisplay() : undefined;
      const app = new DesktopApp(executablePath, display?.env ?? process.env);
      try {
        await use(app);
      } finally {
        await app.dispose();
        await display?.stop();
      }
    },
    { scope: 'worker', timeout: 120_000 },
  ],

  engines: [
    // eslint-disable-next-line no-empty-pattern -- Playwright wants a pattern here
    async ({}, use) => {
      const started = new Map<Generation, Promise<Engine>>();
      await use((generation) => {
        if (noEngine !== undefined) base.skip(true, noEngine);
        const known = started.get(generation);
        if (known) return known;
        const engine = startEngine({ generation, name: engineName, cdi: generation === 'modern' });
        started.set(generation, engine);
        return engine.catch((error: unknown) => {
          if (error instanceof Unavailable) base.skip(true, error.message);
          throw error;
        });
      });
      for (const engine of started.values()) await (await engine).stop();
    },
    { scope: 'worker', timeout: 900_000 },
  ],

  evidence: [
    async ({ app }, use, info) => {
      await use(undefined);
      if (info.status === info.expectedStatus) return;
      await info.attach('output of the app', { body: app.output(), contentType: 'text/plain' });
      // A window that does not answer is part of some failures, and must not hide them.
      const picture = await app.screenshot().catch(() => undefined);
      if (picture) await info.attach('window', { body: picture, contentType: 'image/png' });
    },
    { auto: true },
  ],

  views: async ({ app }, use) => {
    await use({
      get window() {
        return new Window(app.page);
      },
      get setup() {
        return new SetupView(app.page);
      },
      get terminal() {
        return new TerminalPane(app.page);
      },
      get chat() {
        return new ChatPane(app.page);
      },
      get dashboard() {
        return new DashboardPane(app.page);
      },
      get sandbox() {
        return new SandboxPane(app.page);
      },
      get settings() {
        return new SettingsDialog(app.page);
      },
    });
  },
});

async function withBrowser(use: (app: SandboxApp) => Promise<void>): Promise<void> {
  const browser = await startBrowser().catch((error: unknown) => {
    if (error instanceof Unavailable) base.skip(true, error.message);
    throw error;
  });
  const app = new BrowserApp(browser, process.env);
  try {
    await use(app);
  } finally {
    await app.dispose();
    await browser.close();
  }
}

export { expect } from '@playwright/test';
