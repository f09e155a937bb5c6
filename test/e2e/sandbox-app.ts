import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { defaultSettings, type Settings } from '../../electron/contract';
import { launchApp, type RunningApp } from '../support/app.mjs';
import { SANDBOX_BUILD_ARGUMENTS } from '../support/sandbox-image.mjs';

/** What a spec may know of the app: a page, and the levers a person or a fault has. */
export interface SandboxApp {
  /** The page of the window that is open now. Throws while none is. */
  readonly page: Page;
  /** The program that runs. */
  readonly executablePath: string;
  /** Settings and data; made anew by `open`. */
  readonly dataFolder: string;
  /** The port on 127.0.0.1 that the settings of `open` name: a free one, whatever else this machine runs. */
  readonly hostPort: number;
  /** Starts the app with nothing but these settings, as on its first day. An app that still runs is ended. */
  open(options: OpenOptions): Promise<Page>;
  /** Quits and starts again with the same data. */
  reopen(): Promise<Page>;
  /** Quits as a person does; resolves with the processes that were left. */
  quit(): Promise<readonly number[]>;
  /** Numbers of the app's processes, the main one first. */
  processes(): readonly number[];
  /** What the app wrote to standard error. */
  output(): string;
}

export interface OpenOptions {
  /** `DOCKER_HOST` of the app. */
  readonly dockerHost: string;
  readonly settings?: Partial<Settings>;
}

/** The packaged desktop app under an X display. A runner for a browser would be a second one of these. */
export class DesktopApp implements SandboxApp {
  private running: RunningApp | null = null;
  private dockerHost = '';
  dataFolder = '';
  hostPort = 0;

  constructor(
    readonly executablePath: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  get page(): Page {
    if (!this.running) throw new Error('The app is not open.');
    return this.running.page;
  }

  async open({ dockerHost, settings = {} }: OpenOptions): Promise<Page> {
    await this.dispose();
    this.dataFolder = await mkdtemp(join(tmpdir(), 'lm-sandbox-e2e-'));
    this.dockerHost = dockerHost;
    this.hostPort = settings.hostPort ?? (await findFreePort());
    const all = { ...defaultSettings, hostPort: this.hostPort, ...settings };
    await writeFile(
      join(this.dataFolder, 'settings.json'),
      JSON.stringify({ version: 1, settings: all }, undefined, 2),
    );
    return this.launch();
  }

  async reopen(): Promise<Page> {
    await this.quit();
    return this.launch();
  }

  async quit(): Promise<readonly number[]> {
    const running = this.running;
    this.running = null;
    return running ? (await running.close()).left : [];
  }

  processes(): readonly number[] {
    return this.running?.processes() ?? [];
  }

  output(): string {
    return this.running?.stderr() ?? '';
  }

  /** Ends the app whatever state it is in, and removes its data. */
  async dispose(): Promise<void> {
    const running = this.running;
    this.running = null;
    await running?.kill();
    if (this.dataFolder !== '') await rm(this.dataFolder, { recursive: true, force: true });
  }

  private async launch(): Promise<Page> {
    this.running = await launchApp({
      executablePath: this.executablePath,
      args: Object.entries(SANDBOX_BUILD_ARGUMENTS).map(
        ([name, value]) => `--image-build-argument=${name}=${value}`,
      ),
      env: { ...this.env, DOCKER_HOST: this.dockerHost, DOCKER_CONTEXT: undefined },
      userDataFolder: this.dataFolder,
      timeoutMs: 60_000,
    });
    return this.running.page;
  }
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
