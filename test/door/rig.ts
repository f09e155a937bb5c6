import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { doorPaths } from '../../electron/contract';
import { createDoorSessionFile } from '../../electron/adapters/storage/door-session-file';
import { openBrowserDoor, type BrowserDoor, type BrowserDoorOptions } from '../../electron/headless/door';
import type { Transport } from '../../electron/rpc/transport';
import { DoorService } from '../../electron/services/door';
import { ManualClock } from '../../electron/services/foundation/manual-clock.fakes';
import { silentLogger } from '../../electron/services/foundation';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly path: string;
  /** In order and as they are; a name may come twice. Host is added unless it is there. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

export interface SignedIn {
  readonly sessionId: string;
  /** As in a Cookie header. */
  readonly cookie: string;
  readonly key: string;
}

const page = '<!doctype html><script src="./assets/sign-in-AbCd1234.js"></script>';
export const publicFile = '/assets/sign-in-AbCd1234.js';
export const privateFile = '/assets/app-EfGh5678.js';

/** The door as it is, over loopback, with the real service of links and sessions behind it; only the page is small. */
export class DoorRig {
  readonly refused: string[] = [];
  /** What was connected and not taken by a test yet. */
  private readonly arrived: Transport[] = [];
  private readonly waiting: ((transport: Transport) => void)[] = [];
  private readonly sockets: WebSocket[] = [];
  private opened: BrowserDoor | null = null;

  private constructor(
    readonly folder: string,
    readonly service: DoorService,
    readonly clock: ManualClock,
  ) {}

  static async start(
    change: (service: DoorService) => Partial<BrowserDoorOptions> = () => ({}),
  ): Promise<DoorRig> {
    const folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-door-'));
    const files = join(folder, 'page');
    await mkdir(join(files, 'assets'), { recursive: true });
    await writeFile(join(files, 'index.html'), page);
    await writeFile(join(files, 'sign-in.html'), page);
    await writeFile(join(files, publicFile), 'signIn();');
    await writeFile(join(files, privateFile), `app();${'// words\n'.repeat(2_000)}`);
    await writeFile(join(folder, 'secret.txt'), 'secret');
    // Known below only; the service is asked to open after it exists.
    const rigs: DoorRig[] = [];
    const clock = new ManualClock();
    let ids = 0;
    const service = await DoorService.load({
      store: createDoorSessionFile(folder, silentLogger),
      opener: {
        open: async () => {
          const rig = rigs[0]!;
          rig.opened = await openBrowserDoor({
            keeper: service,
            connect: (transport) => rig.arrive(transport),
            filesFolder: files,
            host: '127.0.0.1',
            port: 0,
            tls: null,
            otherOrigins: [],
            onRefused: (reason, facts) => rig.refused.push(`${reason} ${JSON.stringify(facts)}`),
            ...change(service),
          });
          return rig.opened;
        },
      },
      wish: null,
      clock,
      logger: silentLogger,
      newId: () => `session-${++ids}`,
    });
    const rig = new DoorRig(folder, service, clock);
    rigs.push(rig);
    await service.open();
    return rig;
  }

  get door(): BrowserDoor {
    if (!this.opened) throw new Error('The door is not open.');
    return this.opened;
  }

  get host(): string {
    return `127.0.0.1:${this.door.port}`;
  }

  /** A session without going through the server. */
  async signIn(): Promise<SignedIn> {
    const secrets = await this.service.redeem(this.newToken(), { address: '127.0.0.1', agent: 'a test' });
    if (!secrets) throw new Error('The link was not accepted.');
    return {
      sessionId: secrets.sessionId,
      cookie: `lm_sandbox_${this.door.port}=${secrets.cookie}`,
      key: secrets.key,
    };
  }

  newToken(): string {
    return new URL(this.service.createLink().url).hash.replace('#token=', '');
  }

  ask({ method = 'GET', path, headers = [], body }: Asked): Promise<Answer> {
    const all = headers.some(([name]) => name.toLowerCase() === 'host')
      ? headers
      : [['Host', this.host] as const, ...headers];
    return new Promise((resolve, reject) => {
      const asking = request(
        {
          host: '127.0.0.1',
          port: this.door.port,
          method,
          path,
          headers: all.flat() as unknown as Record<string, string>,
          setHost: false,
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(parts).toString('latin1'),
            }),
          );
          response.on('error', reject);
        },
      );
      asking.on('error', reject);
      asking.end(body);
    });
  }

  post(token: string, headers: readonly (readonly [string, string])[] = []): Promise<Answer> {
    return this.ask({
      method: 'POST',
      path: doorPaths.session,
      headers: [['Origin', `http://${this.host}`], ['Content-Type', 'application/json'], ...headers],
      body: JSON.stringify({ token }),
    });
  }

  /** The first line of the answer to an upgrade: 101 when it was let in. */
  upgrade({ path, headers = [] }: Asked): Promise<number> {
    const all = headers.some(([name]) => name.toLowerCase() === 'host')
      ? headers
      : [['Host', this.host] as const, ...headers];
    const lines = [
      `GET ${path} HTTP/1.1`,
      ...all.map(([name, value]) => `${name}: ${value}`),
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      '',
      '',
    ].join('\r\n');
    return new Promise((resolve, reject) => {
      const socket = connectTcp(this.door.port, '127.0.0.1', () => socket.write(lines));
      let answer = '';
      socket.setEncoding('latin1');
      socket.on('data', (text: string) => {
        answer += text;
        const status = /^HTTP\/1\.1 (\d{3}) .*\r\n/.exec(answer)?.[1];
        if (status === undefined) return;
        socket.destroy();
        resolve(Number(status));
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(0));
    });
  }

  /** A WebSocket of a browser that is signed in, before its first message. */
  socket({ cookie }: { readonly cookie: string }): Promise<WebSocket> {
    const socket = new WebSocket(`ws://${this.host}${doorPaths.rpc}`, {
      headers: { Cookie: cookie, Origin: `http://${this.host}` },
      perMessageDeflate: false,
    });
    this.sockets.push(socket);
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(socket));
      socket.once('error', reject);
    });
  }

  /** The host's end of the next page that says who it is. */
  nextPage(): Promise<Transport> {
    const arrived = this.arrived.shift();
    if (arrived) return Promise.resolve(arrived);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  get pagesArrived(): number {
    return this.arrived.length;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    await this.service.dispose();
    await rm(this.folder, { recursive: true });
  }

  private arrive(transport: Transport): void {
    const waiting = this.waiting.shift();
    if (waiting) waiting(transport);
    else this.arrived.push(transport);
  }
}

export const sayHello = (socket: WebSocket, key: string): void =>
  socket.send(JSON.stringify({ type: 'hello', key }));
