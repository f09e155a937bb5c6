import { rm } from 'node:fs/promises';
import type { Browser, BrowserContext, Page } from '@playwright/test';
import type { Engine } from '../support/engine.mjs';
import { startBrowser, startHeadlessHost, type RunningHost } from '../support/headless.mjs';
import { ensureSandboxImage } from '../support/sandbox-image.mjs';
import { expect, test } from './fixtures';
import { SettingsDialog } from './pages/settings-dialog';
import { SetupView } from './pages/setup-view';
import { TerminalPane } from './pages/terminal-pane';
import { findFreePort, imageBuildArguments, makeDataFolder } from './sandbox-app';

const both = {
  tag: '@desktop',
  annotation: { type: 'desktop only', description: 'it starts its own browsers beside the desktop window' },
};

/** One live host, seen by several browsers and by the packaged app, whichever was there first. */
test.describe('one host', both, () => {
  let engine: Engine;
  let browser: Browser;
  let host: RunningHost | undefined;
  let dataFolder = '';
  const contexts: BrowserContext[] = [];

  test.beforeAll(async ({ engines }) => {
    test.setTimeout(900_000);
    engine = await engines('modern');
    await ensureSandboxImage(engine);
    browser = await startBrowser();
  });
  test.beforeEach(async () => {
    await engine.docker(['rm', '--force', 'lm_container'], { allowFailure: true });
  });
  test.afterEach(async ({ app }) => {
    await app.quit();
    for (const context of contexts.splice(0)) await context.close();
    await host?.kill();
    host = undefined;
    if (dataFolder !== '') await rm(dataFolder, { recursive: true, force: true });
    dataFolder = '';
  });
  test.afterAll(async () => {
    await browser.close();
    await engine.docker(['rm', '--force', 'lm_container'], { allowFailure: true });
  });

  /** A browser of its own, as on another computer. */
  async function signIn(link: string): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    contexts.push(context);
    const page = await context.newPage();
    await page.goto(link);
    await page.waitForURL(`${new URL(link).origin}/`);
    return page;
  }

  /** Another one-time link, asked for in a page that is in already. */
  async function newLink(page: Page): Promise<string> {
    const settings = new SettingsDialog(page);
    await settings.open();
    await settings.showGroup('Browser access');
    await settings.root.getByRole('button', { name: 'New one-time link' }).click();
    const link = await settings.root.getByText(/#token=/).innerText();
    await page.keyboard.press('Escape');
    await expect(settings.root).toBeHidden();
    return link.trim();
  }

  test('that was started for browsers serves the desktop window too, and both show one terminal', async ({
    app,
  }) => {
    test.setTimeout(300_000);
    dataFolder = await makeDataFolder({ hostPort: await findFreePort() });
    host = await startHeadlessHost({
      dataFolder,
      args: imageBuildArguments,
      env: { ...process.env, DOCKER_HOST: engine.host, DOCKER_CONTEXT: undefined },
    });
    const first = await signIn(host.link);
    await new SetupView(first).createAndOpen('CPU');
    const firstTerminal = new TerminalPane(first);
    await firstTerminal.waitForPrompt();
    const second = await signIn(await newLink(first));
    const secondTerminal = new TerminalPane(second);
    const window = await app.openAt(dataFolder);
    const windowTerminal = new TerminalPane(window);
    const views = [firstTerminal, secondTerminal, windowTerminal];
    await firstTerminal.runAndExpect('seq -f "line %03g" 15; echo "sum $((20 + 22))"', 'sum 42');
    for (const view of views) await expect(view.screen).toContainText('sum 42');
    await windowTerminal.runAndExpect('echo "from the win""dow"', 'from the window');
    for (const view of views) await expect(view.screen).toContainText('from the window');
    await expect
      .poll(async () => new Set(await Promise.all(views.map((view) => visibleLines(view)))).size)
      .toBe(1);

    // A job that goes on, while the app in whose window it was started is quit.
    await windowTerminal.run('for i in $(seq 1 1000); do echo "step $i"; sleep 0.2; done');
    await expect(firstTerminal.screen).toContainText(/step \d+/);
    expect(await app.quit()).toEqual([]);
    const atQuit = lastStep(await firstTerminal.text());
    await expect
      .poll(async () => lastStep(await firstTerminal.text()), { timeout: 15_000 })
      .toBeGreaterThan(atQuit + 5);
    await expect(secondTerminal.screen).toContainText(/step \d+/);

    // A browser that is signed out is out at once, and says so; the other one goes on.
    const settings = new SettingsDialog(first);
    await settings.open();
    await settings.showGroup('Browser access');
    const row = settings.root.getByRole('listitem').filter({ hasNotText: 'this browser' });
    await row.getByRole('button', { name: /^Sign out/ }).click();
    await second.waitForURL(/\/sign-in$/);
    await expect(second.getByRole('status')).toContainText('This browser was signed out');
    await first.keyboard.press('Escape');
    const atRevoke = lastStep(await firstTerminal.text());
    await expect.poll(async () => lastStep(await firstTerminal.text())).toBeGreaterThan(atRevoke);
  });

  test('of a desktop window lets browsers in when it is told to, and stays when the window is closed', async ({
    app,
    views,
  }) => {
    test.setTimeout(300_000);
    const window = await app.open({ dockerHost: engine.host });
    await views.setup.createAndOpen('CPU');
    await views.terminal.waitForPrompt();
    await views.settings.open();
    await views.settings.showGroup('Browser access');
    await views.settings.root.getByRole('switch', { name: 'Let browsers in' }).click();
    await views.settings.root.getByRole('button', { name: 'New one-time link' }).click();
    const link = await views.settings.root.getByText(/#token=/).innerText();
    await window.keyboard.press('Escape');
    const page = await signIn(link.trim());
    const terminal = new TerminalPane(page);
    await terminal.waitForPrompt();
    await views.terminal.runAndExpect('kept=$((40 + 2)); echo "be""fore"', 'before');
    await expect(terminal.screen).toContainText('before');
    await window.close();
    await terminal.runAndExpect('echo "kept is $kept"', 'kept is 42');
    // Started again, the app shows a window to the same shell.
    await app.startAgain();
    await expect(views.terminal.screen).toContainText('kept is 42');
    await views.terminal.runAndExpect('echo "a win""dow again"', 'a window again');
    await expect(terminal.screen).toContainText('a window again');
    // Nothing is left when the app is ended.
    expect(await app.quit()).toEqual([]);
    await expect(
      page.getByRole('alert').filter({ hasText: 'The connection to the host is lost' }),
    ).toBeVisible();
  });
});

/** What a person reads, without the blanks at the ends of lines that a width brings. */
async function visibleLines(view: TerminalPane): Promise<string> {
  return (await view.text())
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n');
}

function lastStep(text: string): number {
  return Math.max(0, ...[...text.matchAll(/step (\d+)/g)].map((match) => Number(match[1])));
}
