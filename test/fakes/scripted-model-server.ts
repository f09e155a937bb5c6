import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LmError } from '../../electron/contract';
import type {
  RunningContainer,
  RunningContainerSource,
} from '../../electron/services/container/running-container';

/** One answer as it is written onto the wire. */
export interface ScriptedAnswer {
  readonly status?: number;
  readonly contentType?: string;
  /** Written one after the other, each in a packet of its own. */
  readonly pieces: readonly (string | Uint8Array)[];
  /** What comes after the pieces: the orderly end, a cut connection, or nothing until the caller closes. */
  readonly then?: 'end' | 'cut' | 'wait';
}

/**
 * A scripted stand-in for the gateway with the runtimes behind it. Only for what a small real model cannot be made
 * to do on demand: a thinking field, pings, an error after status 200, a connection cut in the middle.
 */
export class ScriptedModelServer implements RunningContainerSource {
  /** `METHOD /path` of each request, oldest first. */
  readonly requests: string[] = [];
  /** What came with them, read as JSON; null where nothing did. */
  readonly bodies: unknown[] = [];
  /** Requests whose caller closed the connection before the answer had ended. */
  abandoned = 0;
  private readonly scripts = new Map<string, ScriptedAnswer[]>();
  private readonly server = createServer((request, response) => this.answer(request, response));
  private running: RunningContainer | null = null;

  static async start(): Promise<ScriptedModelServer> {
    const scripted = new ScriptedModelServer();
    await new Promise<void>((resolve) => scripted.server.listen(0, '127.0.0.1', resolve));
    const { port } = scripted.server.address() as AddressInfo;
    scripted.running = {
      containerId: 'scripted',
      runId: 'scripted',
      gatewayUrl: `http://127.0.0.1:${port}`,
      gatewayToken: 'scripted',
      gpuChoice: 'none',
    };
    return scripted;
  }

  /** Answers for one path in the order of the requests; the last one is repeated. */
  script(path: string, ...answers: readonly ScriptedAnswer[]): void {
    this.scripts.set(path, [...answers]);
  }

  current(): RunningContainer | null {
    return this.running;
  }

  require(): RunningContainer {
    if (!this.running) throw new LmError('container_not_running', 'The scripted server is not running.');
    return this.running;
  }

  onChanged(): () => void {
    return () => undefined;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '').split('?')[0] ?? '';
    this.requests.push(`${request.method ?? ''} ${path}`);
    const at = this.bodies.push(null) - 1;
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (piece: string) => (body += piece));
    request.on('end', () => {
      if (body !== '') this.bodies[at] = JSON.parse(body);
    });
    const script = this.scripts.get(path);
    const answer = script && script.length > 1 ? script.shift() : script?.[0];
    if (!answer) {
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"error":"no script for this path"}');
      return;
    }
    response.on('close', () => {
      if (!response.writableFinished && answer.then !== 'cut') this.abandoned += 1;
    });
    response.writeHead(answer.status ?? 200, { 'content-type': answer.contentType ?? 'application/json' });
    void this.write(response, answer);
  }

  private async write(response: ServerResponse, answer: ScriptedAnswer): Promise<void> {
    response.socket?.setNoDelay(true);
    for (const piece of answer.pieces) {
      await new Promise<void>((resolve) => {
        response.write(piece, () => setImmediate(resolve));
      });
    }
    if (answer.then === 'cut') response.socket?.destroy();
    else if (answer.then !== 'wait') response.end();
  }
}
