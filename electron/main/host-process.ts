import path from 'node:path';
import { MessageChannelMain, utilityProcess, type UtilityProcess, type WebContents } from 'electron';
import { portChannel } from '../contract/desktop-channel';
import type { FromHostMessage, HostStartOptions, ToHostMessage } from '../host/desktop-messages';

const maxRestarts = 5;
/** Restarts this far apart do not count together. */
const restartWindowMs = 5 * 60_000;
const stopTimeoutMs = 5_000;

/**
 * The host in a process of its own, so that a busy main process never holds up a terminal. Main only brokers
 * ports: each window gets one straight to the host.
 */
export class HostProcess {
  private child: UtilityProcess | null = null;
  private readonly windows = new Map<string, WebContents>();
  private nextConnection = 1;
  private restartTimes: number[] = [];
  private stopping = false;

  constructor(
    private readonly options: HostStartOptions,
    private readonly onMessage: (message: FromHostMessage) => void,
    private readonly onGaveUp: (reason: string) => void,
  ) {}

  start(): void {
    const child = utilityProcess.fork(path.join(__dirname, 'host.cjs'), [], {
      serviceName: 'lm-sandbox host',
      stdio: 'pipe',
    });
    this.child = child;
    child.stdout?.pipe(process.stdout, { end: false });
    child.stderr?.pipe(process.stderr, { end: false });
    child.on('message', (message: FromHostMessage) => this.onMessage(message));
    child.on('exit', (code) => this.onExit(child, code));
    this.post({ type: 'start', options: this.options });
    // A copy: `connect` replaces the entry it is given.
    for (const contents of [...this.windows.values()]) this.connect(contents);
  }

  /** Gives the page of `contents` a new port to the host. */
  connect(contents: WebContents): void {
    if (contents.isDestroyed() || !this.child) return;
    for (const [id, known] of this.windows) if (known === contents) this.windows.delete(id);
    const connectionId = `window-${String(contents.id)}-${String(this.nextConnection++)}`;
    this.windows.set(connectionId, contents);
    contents.once('destroyed', () => this.windows.delete(connectionId));
    const { port1, port2 } = new MessageChannelMain();
    this.child.postMessage({ type: 'connect', connectionId } satisfies ToHostMessage, [port1]);
    contents.postMessage(portChannel, null, [port2]);
  }

  /** Sends a menu choice to the page of `contents`, by way of the host. */
  invokeCommand(contents: WebContents, command: string): void {
    for (const [connectionId, known] of this.windows) {
      if (known === contents) this.post({ type: 'command', connectionId, command });
    }
  }

  /** Lets the host end its shells and close its files; kills it when it takes too long. */
  async stop(): Promise<void> {
    const child = this.child;
    this.stopping = true;
    if (!child) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        child.kill();
        resolve();
      }, stopTimeoutMs);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      this.post({ type: 'stop' });
    });
  }

  private post(message: ToHostMessage): void {
    this.child?.postMessage(message);
  }

  private onExit(child: UtilityProcess, code: number): void {
    if (this.child !== child) return;
    this.child = null;
    if (this.stopping) return;
    // Without ports the preload tells the page that its host is gone.
    for (const contents of this.windows.values()) {
      if (!contents.isDestroyed()) contents.postMessage(portChannel, null);
    }
    const nowMs = Date.now();
    this.restartTimes = [...this.restartTimes.filter((timeMs) => nowMs - timeMs < restartWindowMs), nowMs];
    if (this.restartTimes.length > maxRestarts) {
      this.onGaveUp(
        `The sandbox host ended ${String(this.restartTimes.length)} times (last exit code ${String(code)}).`,
      );
      return;
    }
    setTimeout(() => this.start(), 200 * 2 ** (this.restartTimes.length - 1));
  }
}
