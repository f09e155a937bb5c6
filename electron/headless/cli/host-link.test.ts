import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connectHost } from './host-link';

let folder = '';
let server: Server | null = null;
const sockets: Socket[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lm-sandbox-link-'));
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
  server = null;
  await rm(folder, { recursive: true });
});

async function listen(onSocket: (socket: Socket) => void): Promise<void> {
  server = createServer((socket) => {
    sockets.push(socket);
    onSocket(socket);
  });
  server.listen(path.join(folder, 'host.sock'));
  await once(server, 'listening');
}

const silent = { data: { code: 'timeout', message: expect.stringContaining('does not answer') as unknown } };

it('a host that takes connections and says nothing is told after a limit', async () => {
  await listen(() => undefined);
  await expect(connectHost(folder, 50)).rejects.toMatchObject(silent);
});

it('so is one that says no more than that it switches to frames', async () => {
  await listen((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
  });
  await expect(connectHost(folder, 50)).rejects.toMatchObject(silent);
});

it('where nobody listens, or whoever does hangs up, there is no host', async () => {
  expect(await connectHost(folder, 60_000)).toBeNull();
  await listen((socket) => socket.destroy());
  expect(await connectHost(folder, 60_000)).toBeNull();
});
