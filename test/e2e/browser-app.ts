import { rm } from 'node:fs/promises';
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { startHeadlessHost, type RunningHost } from '../support/headless.mjs';
import {
  findFreePort,
  imageBuildArguments,
  makeDataFolder,
  type OpenOptions,
  type SandboxApp,
} from './sandbox-app';

/** The host under plain Node, and a tab of the system's Chromium that has signed in to it. */
export class BrowserApp implements SandboxApp {
  readonly executablePath = process.execPath;
  private host: RunningHost | null = null;
  private context: BrowserContext | null = null;
  private tab: Page | null = null;
  private port = 0;
  private dockerHost = '';
  private earlierOutput = '';
  dataFolder = '';
  hostPort = 0;

  constructor(
    private readonly browser: Browser,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  get page(): Page {
    if (!this.tab) throw new Error('No tab is open.');
    return this.tab;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async open({ dockerHost, settings = {} }: OpenOptions): Promise<Page> {
    await this.dispose();
    this.dockerHost = dockerHost;
    this.hostPort = settings.hostPort ?? (await findFreePort());
    this.port = await findFreePort();
    this.dataFolder = await makeDataFolder({ hostPort: this.hostPort, ...settings });
    // Of the desktop's window; viewports of specs are their own.
    this.context = await this.browser.newContext({ viewport: { width: 1280, height: 800 } });
    const { link } = await this.startHost();
    return this.openTab(link);
  }

  openAt(): Promise<Page> {
    throw new Error('Of two hosts for a folder the second is refused; sign in to the first.');
  }

  /** The browser has kept its session, so no link is needed. */
  async reopen(): Promise<Page> {
    await this.quit();
    await this.startHost();
    return this.openTab(`${this.origin}/`);
  }

  startAgain(): Promise<Page> {
    return this.openTab(`${this.origin}/`);
  }

  async quit(): Promise<readonly number[]> {
    const { host, tab } = this;
    this.host = null;
    this.tab = null;
    await tab?.close();
    if (!host) return [];
    const { left } = await host.close();
    this.earlierOutput += host.stderr();
    return left;
  }

  async crashPage(): Promise<Page> {
    const crashed = this.page;
    const gone = crashed.waitForEvent('crash');
    // It never answers: its process is gone.
    void crashed.goto('chrome://crash').catch(() => undefined);
    await gone;
    await crashed.close();
    // A person loads a tab again that has crashed.
    return this.openTab(`${this.origin}/`);
  }

  /** As a service manager does, it is started again. */
  async killHost(): Promise<void> {
    const { host } = this;
    if (!host) throw new Error('The host is not running.');
    await host.kill();
    this.earlierOutput += host.stderr();
    await this.startHost();
  }

  screenshot(): Promise<Buffer> {
    return this.page.screenshot({ timeout: 10_000 });
  }

  output(): string {
    return this.earlierOutput + (this.host?.stderr() ?? '');
  }

  async dispose(): Promise<void> {
    const { host, context } = this;
    this.host = null;
    this.context = null;
    this.tab = null;
    this.earlierOutput = '';
    await context?.close();
    await host?.kill();
    if (this.dataFolder !== '') await rm(this.dataFolder, { recursive: true, force: true });
  }

  private async startHost(): Promise<RunningHost> {
    this.host = await startHeadlessHost({
      dataFolder: this.dataFolder,
      port: this.port,
      args: imageBuildArguments,
      env: { ...this.env, DOCKER_HOST: this.dockerHost, DOCKER_CONTEXT: undefined },
    });
    return this.host;
  }

  private async openTab(url: string): Promise<Page> {
    if (!this.context) throw new Error('The browser is not open.');
    this.tab = await this.context.newPage();
    await this.tab.goto(url);
    await this.tab.waitForURL(`${this.origin}/`);
    return this.tab;
  }
}
