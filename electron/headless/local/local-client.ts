import { WebSocket } from 'ws';
import { maxFrameBytes } from '../../contract';
import { RpcClient } from '../../rpc/client';
import type { Transport } from '../../rpc/transport';
import { webSocketTransport } from '../../rpc/transports/web-socket';

const connectLimitMs = 5_000;

/** A connection to the host behind a local socket; null when none answers there. */
export function connectLocalHost(socketPath: string): Promise<Transport | null> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws+unix:${socketPath}:/`, {
      handshakeTimeout: connectLimitMs,
      maxPayload: maxFrameBytes,
      perMessageDeflate: false,
    });
    const transport = webSocketTransport(socket);
    socket.on('error', () => resolve(null));
    socket.once('open', () => resolve(transport));
  });
}

/** A client of that host, when it has said welcome; null when none answers, or one of another version does. */
export async function localHostClient(
  socketPath: string,
): Promise<{ readonly client: RpcClient; close(): void } | null> {
  const transport = await connectLocalHost(socketPath);
  if (!transport) return null;
  const client = new RpcClient();
  return new Promise((resolve) => {
    client.onConnectionChanged((state) => {
      if (state === 'connected') resolve({ client, close: () => transport.close() });
      else resolve(null);
    });
    client.attach(transport);
  });
}
