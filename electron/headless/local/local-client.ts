import { WebSocket } from 'ws';
import { maxFrameBytes } from '../../contract';
import { RpcClient } from '../../rpc/client';
import type { Transport } from '../../rpc/transport';
import { webSocketTransport } from '../../rpc/transports/web-socket';

const connectLimitMs = 5_000;

/** How a host that is about to end answers, while the data folder is still its own. */
export const leavingStatus = 503;

/** What is behind a local socket: a connection to its host, a host that takes nobody on any more, or nobody. */
export function findLocalHost(socketPath: string): Promise<Transport | 'leaving' | 'none'> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws+unix:${socketPath}:/`, {
      handshakeTimeout: connectLimitMs,
      maxPayload: maxFrameBytes,
      perMessageDeflate: false,
    });
    const transport = webSocketTransport(socket);
    socket.on('error', () => resolve('none'));
    socket.on('unexpected-response', (_request, { statusCode }) => {
      resolve(statusCode === leavingStatus ? 'leaving' : 'none');
      socket.terminate();
    });
    socket.once('open', () => resolve(transport));
  });
}

/** A connection to the host behind a local socket; null when none answers there. */
export async function connectLocalHost(socketPath: string): Promise<Transport | null> {
  const found = await findLocalHost(socketPath);
  return typeof found === 'string' ? null : found;
}

export interface LocalHostClient {
  readonly client: RpcClient;
  close(): void;
}

/** A client of that host, when it has said welcome; null when none answers, or one of another version does. */
export async function localHostClient(socketPath: string): Promise<LocalHostClient | null> {
  const transport = await connectLocalHost(socketPath);
  return transport && clientOver(transport);
}

/** Null when the host speaks another version. */
export function clientOver(transport: Transport): Promise<LocalHostClient | null> {
  const client = new RpcClient();
  return new Promise((resolve) => {
    client.onConnectionChanged((state) => {
      if (state === 'connected') resolve({ client, close: () => transport.close() });
      else resolve(null);
    });
    client.attach(transport);
  });
}
