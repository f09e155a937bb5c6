import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { LmError } from '../../contract';
import type { RunningContainerSource } from '../../services/container/running-container';
import { cancelled, mapConnectionError } from './errors';

export interface GatewayCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path with its query, below the gateway's root, such as `/ollama/api/tags`. */
  readonly path: string;
  readonly json?: unknown;
  readonly signal: AbortSignal;
  /** What is being done, for error messages: "reading the models". */
  readonly during: string;
}

export interface GatewayResponse {
  readonly status: number;
  readonly body: IncomingMessage;
}

export interface GatewayClient {
  /**
   * Sends a call and resolves with the head of the answer. There is no time-out, neither for the head nor between
   * pieces: a large model may need minutes before its first token. Aborting the signal closes the connection.
   */
  open(call: GatewayCall): Promise<GatewayResponse>;
  /** Sends a call and reads the whole answer as text, at most 16 MiB. */
  text(call: GatewayCall): Promise<{ readonly status: number; readonly body: string }>;
  /** Opens a request whose body the caller writes; see `gguf-importer.ts`. */
  upload(path: string, contentLength: number): ClientRequest;
  /** Whether the running container was given a GPU at all. */
  hasGpu(): boolean;
}

const maxTextBytes = 16 * 1024 * 1024;

/**
 * The gateway of the running container over node:http rather than fetch, whose fixed limits of 300 s until the
 * head and between pieces break slow first tokens. Each call has a connection of its own: closing it is how an
 * answer is stopped, and loopback connections cost nothing.
 */
export function createGatewayClient(containers: RunningContainerSource): GatewayClient {
  const start = (method: string, path: string, headers: Record<string, string | number>): ClientRequest => {
    const running = containers.require();
    const request = httpRequest(`${running.gatewayUrl}${path}`, {
      method,
      agent: false,
      headers: { authorization: `Bearer ${running.gatewayToken}`, ...headers },
    });
    // Finds a peer that vanished without closing, such as an engine on a machine that went to sleep.
    request.on('socket', (socket) => socket.setKeepAlive(true, 15_000));
    return request;
  };

  const open = (call: GatewayCall): Promise<GatewayResponse> =>
    new Promise((resolve, reject) => {
      if (call.signal.aborted) {
        reject(cancelled(call.during));
        return;
      }
      const body = call.json === undefined ? null : Buffer.from(JSON.stringify(call.json), 'utf8');
      let request: ClientRequest;
      try {
        request = start(
          call.method,
          call.path,
          body ? { 'content-type': 'application/json', 'content-length': body.byteLength } : {},
        );
      } catch (error) {
        reject(mapConnectionError(error, call.during));
        return;
      }
      const abort = () => request.destroy();
      call.signal.addEventListener('abort', abort, { once: true });
      request.on('close', () => call.signal.removeEventListener('abort', abort));
      request.on('error', (error) => {
        reject(call.signal.aborted ? cancelled(call.during) : mapConnectionError(error, call.during));
      });
      request.on('response', (response) => resolve({ status: response.statusCode ?? 0, body: response }));
      request.on('close', () => {
        reject(
          call.signal.aborted ? cancelled(call.during) : mapConnectionError(new Error('closed'), call.during),
        );
      });
      request.end(body ?? undefined);
    });

  return {
    open,
    hasGpu: () => containers.require().gpuChoice !== 'none',
    text: async (call) => {
      const response = await open(call);
      const pieces: Uint8Array[] = [];
      let size = 0;
      for await (const piece of readBody(response.body, call)) {
        size += piece.byteLength;
        if (size > maxTextBytes) {
          response.body.destroy();
          throw new LmError('too_large', `The sandbox sent more than 16 MiB while ${call.during}.`);
        }
        pieces.push(piece);
      }
      return { status: response.status, body: Buffer.concat(pieces).toString('utf8') };
    },
    upload: (path, contentLength) =>
      start('PUT', path, { 'content-type': 'application/octet-stream', 'content-length': contentLength }),
  };
}

/**
 * The pieces of an answer's body. Leaving the loop early closes the connection; a connection lost before the end
 * of the body throws `gateway_unreachable`, an aborted signal `cancelled`.
 */
export async function* readBody(
  body: IncomingMessage,
  call: Pick<GatewayCall, 'signal' | 'during'>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const piece of body) {
      if (piece instanceof Uint8Array) yield piece;
    }
  } catch (error) {
    throw call.signal.aborted ? cancelled(call.during) : mapConnectionError(error, call.during);
  }
  if (call.signal.aborted) throw cancelled(call.during);
}
