import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { WebSocket, WebSocketServer } from 'ws';
import { maxFrameBytes } from '../../electron/contract';
import { frameStreamTransport } from '../../electron/headless/local/frame-stream';
import type { Transport } from '../../electron/rpc/transport';
import { createMemoryTransportPair } from '../../electron/rpc/transports/memory';
import { messagePortTransport, nodePort } from '../../electron/rpc/transports/message-port';
import { webSocketTransport } from '../../electron/rpc/transports/web-socket';
import { DoorRig, sayHello } from '../door/rig';

export interface TransportPair {
  readonly page: Transport;
  readonly host: Transport;
  dispose(): Promise<void>;
}

/** Every way a page and a host are joined; each suite of this folder runs over all of them. */
export const transportKinds: Readonly<Record<string, () => Promise<TransportPair>>> = {
  memory: async () => {
    const [page, host] = createMemoryTransportPair();
    return {
      page,
      host,
      dispose: async () => page.close(),
    };
  },
  MessagePort: async () => {
    const { port1, port2 } = new MessageChannel();
    const page = messagePortTransport(nodePort(port1));
    return {
      page,
      host: messagePortTransport(nodePort(port2)),
      dispose: async () => page.close(),
    };
  },
  WebSocket: async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: maxFrameBytes });
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no port.');
    const client = new WebSocket(`ws://127.0.0.1:${address.port}`);
    const [accepted] = (await once(server, 'connection')) as [WebSocket];
    const host = webSocketTransport(accepted);
    const page = webSocketTransport(client);
    if (client.readyState !== WebSocket.OPEN) await once(client, 'open');
    return {
      page,
      host,
      dispose: async () => {
        client.terminate();
        for (const socket of server.clients) socket.terminate();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  },
  /** What programs of the same user speak at the local socket. */
  'local frames': async () => {
    const server = createServer();
    const folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-frames-'));
    server.listen(join(folder, 'socket'));
    await once(server, 'listening');
    const client = connect(join(folder, 'socket'));
    const [accepted] = (await once(server, 'connection')) as [Socket];
    const page = frameStreamTransport(client);
    return {
      page,
      host: frameStreamTransport(accepted),
      dispose: async () => {
        client.destroy();
        accepted.destroy();
        await new Promise((resolve) => server.close(resolve));
        await rm(folder, { recursive: true });
      },
    };
  },
  /** The server as it ships: signed in, with cookie and key, through all its checks. */
  'browser door': async () => {
    const rig = await DoorRig.start();
    const session = await rig.signIn();
    const client = await rig.socket(session);
    sayHello(client, session.key);
    const page = webSocketTransport(client);
    return { page, host: await rig.nextPage(), dispose: () => rig.stop() };
  },
};
