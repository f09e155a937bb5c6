import { beforeEach, describe, expect, it } from 'vitest';
import { doorCloseCodes, protocolVersion } from '../../electron/contract';
import { connectBrowser, type BrowserSurroundings } from './browser-client';

/** A WebSocket with levers. */
class FakeSocket extends EventTarget {
  binaryType = 'blob';
  readyState = 0;
  readonly sent: string[] = [];
  send(data: string): void {
    this.sent.push(data);
  }
  close(): void {
    this.end(1005);
  }
  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }
  welcome(version = protocolVersion): void {
    const data = JSON.stringify({ type: 'welcome', protocolVersion: version, connectionId: 'one' });
    this.dispatchEvent(new MessageEvent('message', { data }));
  }
  end(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code }));
  }
}

class FakeBrowser implements BrowserSurroundings {
  readonly sockets: FakeSocket[] = [];
  readonly left: string[] = [];
  readonly pages: string[] = [];
  readonly delays: number[] = [];
  reloads = 0;
  status: number | null = 204;
  key: string | null = 'the-key';
  private timers: (() => void)[] = [];
  private worthTrying: () => void = () => undefined;

  openSocket = () => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket as unknown as WebSocket;
  };
  sessionStatus = () => Promise.resolve(this.status);
  readKey = () => this.key;
  leaveFor = (url: string) => this.left.push(url);
  reload = () => (this.reloads += 1);
  after = (delayMs: number, action: () => void) => {
    this.delays.push(delayMs);
    this.timers.push(action);
  };
  onWorthTrying = (listener: () => void) => (this.worthTrying = listener);
  openPage = (url: string) => this.pages.push(url);

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }
  lookAt(): void {
    this.worthTrying();
  }
  /** The answers of the door have come, and the time of each wait has passed. */
  async pass(): Promise<void> {
    await Promise.resolve();
    await Promise.resolve();
    for (const action of this.timers.splice(0)) action();
  }
}

let browser: FakeBrowser;
beforeEach(() => {
  browser = new FakeBrowser();
});

describe('a page in a browser', () => {
  it('says its key first, and is connected when the host has said welcome', () => {
    const client = connectBrowser(browser);
    expect(client.connectionState).toBe('connecting');
    browser.socket.open();
    expect(browser.socket.sent).toEqual(['{"type":"hello","key":"the-key"}']);
    browser.socket.welcome();
    expect(client.connectionState).toBe('connected');
  });

  it('connects again after a loss, ever more slowly while nobody answers', async () => {
    const client = connectBrowser(browser);
    browser.socket.open();
    browser.socket.welcome();
    browser.socket.end(1006);
    expect(client.connectionState).toBe('lost');
    browser.status = null;
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await browser.pass();
      browser.socket.end(1006);
    }
    await browser.pass();
    expect(browser.delays.length).toBeGreaterThanOrEqual(8);
    const [first = 0] = browser.delays;
    expect(first).toBeLessThan(400);
    expect(browser.delays.at(-1)).toBeGreaterThanOrEqual(7_500);
    expect(Math.max(...browser.delays)).toBeLessThanOrEqual(12_500);
    browser.socket.open();
    browser.socket.welcome();
    expect(client.connectionState).toBe('connected');
    browser.socket.end(1006);
    await browser.pass();
    expect(browser.delays.at(-1)).toBeLessThan(400);
  });

  it('tries at once when somebody looks at it, and then only once', async () => {
    connectBrowser(browser);
    browser.socket.end(1006);
    await Promise.resolve();
    await Promise.resolve();
    browser.lookAt();
    expect(browser.sockets).toHaveLength(2);
    await browser.pass();
    expect(browser.sockets).toHaveLength(2);
  });

  it('goes to the sign-in page, which says why, when it was signed out', async () => {
    connectBrowser(browser);
    browser.socket.open();
    browser.socket.welcome();
    browser.socket.end(doorCloseCodes.signedOut);
    expect(browser.left).toEqual(['/sign-in#signed-out']);
  });

  it('goes there too when it was signed out while it was away', async () => {
    connectBrowser(browser);
    browser.status = 401;
    browser.socket.end(1006);
    await browser.pass();
    expect(browser.left).toEqual(['/sign-in#signed-out']);
    expect(browser.sockets).toHaveLength(1);
  });

  it('goes there when it has no key', () => {
    browser.key = null;
    connectBrowser(browser);
    expect([browser.left, browser.sockets]).toEqual([['/sign-in'], []]);
  });

  it('is loaded again when the host has become one of another version', () => {
    connectBrowser(browser);
    browser.socket.open();
    browser.socket.welcome(protocolVersion + 1);
    expect(browser.reloads).toBe(1);
  });

  it('opens links by itself', async () => {
    const client = connectBrowser(browser);
    await client.call('app.openExternal', { url: 'https://example.org/' });
    expect(browser.pages).toEqual(['https://example.org/']);
  });
});
