import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, expect, type Page } from '@playwright/test';
import { defaultSettings, type Settings } from '../../electron/contract';
import { launchApp, type RunningApp } from '../support/app.mjs';
import { SANDBOX_BUILD_ARGUMENTS } from '../support/sandbox-image.mjs';

/** What a spec may know of the app: a page, and the levers a person or a fault has. */
export interface SandboxApp {
  /** The page of the window or tab that is open now. Throws while none is. */
  readonly page: Page;
  /** What comes before the path of each of the page's own addresses. */
  readonly origin: string;
  /** The program that runs. */
  readonly executablePath: string;
  /** Settings and data; made anew by `open`. */
  readonly dataFolder: string;
  /** The port on 127.0.0.1 that the settings of `open` name: a free one, whatever else this machine runs. */
  readonly hostPort: number;
  /** Starts the app with nothing but these settings, as on its first day. An app that still runs is ended. */
  open(options: OpenOptions): Promise<Page>;
  /** Starts the app with a data folder that somebody else has made and will remove. */
  openAt(dataFolder: string): Promise<Page>;
  /** Quits and starts again with the same data. */
  reopen(): Promise<Page>;
  /** Starts it a second time while it runs, as a person does who looks for its window; resolves with that window. */
  startAgain(): Promise<Page>;
  /** Quits as a person does; resolves with the processes that were left. */
  quit(): Promise<readonly number[]>;
  /** Ends the process of the page as a crash does; resolves with the page that comes after it. */
  crashPage(): Promise<Page>;
  /** Kills the process that holds shells, answers and the connection to the engine. */
  killHost(): Promise<void>;
  /** The window as PNG. */
  screenshot(): Promise<Buffer>;
  /** What the app wrote to standard error. */
  output(): string;
}

export interface OpenOptions {
  /** `DOCKER_HOST` of the app. */
  readonly dockerHost: string;
  readonly settings?: Partial<Settings>;
}

/** The packaged desktop app under an X display. `BrowserApp` is its twin. */
export class DesktopApp implements SandboxApp {
  readonly origin = 'app://lm-sandbox';
  private running: RunningApp | null = null;
  private revived: Page | null = null;
  private dockerHost = '';
  private foreignFolder: string | null = null;
  dataFolder = '';
  hostPort = 0;

  constructor(
    readonly executablePath: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  get page(): Page {
    return this.revived ?? this.require().page;
  }

  async open({ dockerHost, settings = {} }: OpenOptions): Promise<Page> {
    await this.dispose();
    this.dockerHost = dockerHost;
    this.hostPort = settings.hostPort ?? (await findFreePort());
    this.dataFolder = await makeDataFolder({ hostPort: this.hostPort, ...settings });
    return this.launch();
  }

  async openAt(dataFolder: string): Promise<Page> {
    await this.dispose();
    this.foreignFolder = dataFolder;
    return this.launch();
  }

  async reopen(): Promise<Page> {
    await this.quit();
    return this.launch();
  }

  async startAgain(): Promise<Page> {
    const context = this.require().browser.contexts()[0];
    if (!context) throw new Error('The app offers no browser context.');
    const opened = context.waitForEvent('page');
    const second = spawn(
      this.executablePath,
      [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        `--user-data-dir=${this.foreignFolder ?? this.dataFolder}`,
      ],
      { env: this.env, stdio: 'ignore' },
    );
    const ended = once(second, 'exit');
    this.revived = await opened;
    // It has only told the first one.
    await ended;
    return this.revived;
  }

  async quit(): Promise<readonly number[]> {
    const running = this.running;
    this.running = null;
    return running ? (await running.close()).left : [];
  }

  async crashPage(): Promise<Page> {
    const running = this.require();
    await this.killProcess('--type=renderer');
    // Playwright gives a crashed page up for good, so the page that main loads again is met anew.
    const endpoint = /DevTools listening on ws:\/\/([^/\s]+)/.exec(running.stderr())?.[1] ?? '';
    await expect.poll(() => running.stderr()).toContain('The page ended');
    const browser = await chromium.connectOverCDP(`http://${endpoint}`, { noDefaults: true, isLocal: true });
    const context = browser.contexts()[0];
    const page = context?.pages()[0] ?? (await context?.waitForEvent('page'));
    if (!page) throw new Error('The app shows no page after the crash.');
    this.revived = page;
    return page;
  }

  killHost(): Promise<void> {
    return this.killProcess('--utility-sub-type=node.mojom.NodeService');
  }

  screenshot(): Promise<Buffer> {
    return this.page.screenshot({ timeout: 10_000 });
  }

  output(): string {
    return this.running?.stderr() ?? '';
  }

  /** Ends the app whatever state it is in, and removes its data. */
  async dispose(): Promise<void> {
    const running = this.running;
    this.running = null;
    this.foreignFolder = null;
    await running?.kill();
    if (this.dataFolder !== '') await rm(this.dataFolder, { recursive: true, force: true });
  }

  private require(): RunningApp {
    if (!this.running) throw new Error('The app is not open.');
    return this.running;
  }

  private async killProcess(argument: string): Promise<void> {
    for (const pid of this.require().processes()) {
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      // Processes that Chromium forks from its zygote have spaces where others have zero bytes.
      if (commandLine.split(/[\0 ]/).includes(argument)) {
        process.kill(pid, 'SIGKILL');
        return;
      }
    }
    throw new Error(`No process of the app has ${argument}.`);
  }

  private async launch(): Promise<Page> {
    this.revived = null;
    this.running = await launchApp({
      executablePath: this.executablePath,
      args: imageBuildArguments,
      env: { ...this.env, DOCKER_HOST: this.dockerHost, DOCKER_CONTEXT: undefined },
      userDataFolder: this.foreignFolder ?? this.dataFolder,
      timeoutMs: 60_000,
    });
    return this.running.page;
  }
}

export const imageBuildArguments = Object.entries(SANDBOX_BUILD_ARGUMENTS).map(
  ([name, value]) => `--image-build-argument=${name}=${value}`,
);

/** A data folder as on the first day, but for these settings. */
export async function makeDataFolder(changes: Partial<Settings>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-e2e-'));
  const settings = { ...defaultSettings, ...changes };
  await writeFile(join(folder, 'settings.json'), JSON.stringify({ version: 1, settings }, undefined, 2));
  return folder;
}

/** A port of 127.0.0.1 that nothing listens on now. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
