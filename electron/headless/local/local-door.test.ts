import { link, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contract } from '../../contract';
import { serveConnection } from '../../rpc/server';
import type { Transport } from '../../rpc/transport';
import { findLocalHost, localHostClient } from './local-client';
import {
  LocalDoorOccupied,
  localDoorPath,
  openLocalDoor,
  type AskToLeave,
  type LocalDoor,
} from './local-door';

const description = {
  appVersion: '1',
  nodeVersion: '20',
  platform: 'linux',
  architecture: 'x64',
  hostname: 'here',
  dataFolder: '/data',
  door: 'test',
} as const;

let folder: string;
const doors: LocalDoor[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-local-'));
});
afterEach(async () => {
  for (const door of doors.splice(0)) await door.close();
  await rm(folder, { recursive: true });
});

async function open(askToLeave?: AskToLeave): Promise<LocalDoor> {
  const connect = (transport: Transport, connectionId: string) =>
    serveConnection({
      contract,
      routes: { methods: { 'host.describe': () => description }, streams: {} },
      transport,
      connectionId,
      onUnexpected: (error) => expect.unreachable(String(error)),
    });
  const door = await openLocalDoor(folder, connect, askToLeave);
  doors.push(door);
  return door;
}

describe('the local door', () => {
  it('lets programs of the same user reach the host', async () => {
    await open();
    expect((await stat(localDoorPath(folder))).mode & 0o777).toBe(0o600);
    const local = await localHostClient(localDoorPath(folder));
    expect(await local?.client.call('host.describe', null)).toEqual(description);
    local?.close();
  });

  it('claims its data folder: of many that start at once one wins, and the others hear of it', async () => {
    const outcomes = await Promise.allSettled([open(), open(), open(), open()]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
    ]);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(LocalDoorOccupied);
    }
  });

  it('takes over what a killed host left behind, by one of many that start at once', async () => {
    // A socket that nobody listens at any more: its server is closed while the file has another name.
    const path = localDoorPath(folder);
    const killed = createServer();
    await new Promise<void>((resolve) => killed.listen(`${path}.other`, resolve));
    await link(`${path}.other`, path);
    await link(`${path}.other`, join(folder, 'host.41'));
    await new Promise<void>((resolve) => killed.close(() => resolve()));
    const outcomes = await Promise.allSettled([open(), open(), open(), open()]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await localHostClient(path)).not.toBeNull();
    expect((await readdir(folder)).sort()).toEqual(['host.42', 'host.sock']);
  });

  it('is free again when it was closed', async () => {
    await (await open()).close();
    expect(await localHostClient(localDoorPath(folder))).toBeNull();
    await open();
  });

  it('is not taken over while a process listens there, be it one that does not answer', async () => {
    const waiting: Socket[] = [];
    const stopped = createServer((socket) => waiting.push(socket));
    await new Promise<void>((resolve) => stopped.listen(localDoorPath(folder), resolve));
    await expect(open()).rejects.toBeInstanceOf(LocalDoorOccupied);
    for (const socket of waiting) socket.destroy();
    await new Promise<void>((resolve) => stopped.close(() => resolve()));
  }, 20_000);

  it('leaves a socket alone that is not its own any more when it is closed', async () => {
    const first = await open();
    await rm(localDoorPath(folder));
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(localDoorPath(folder), resolve));
    await first.close();
    expect((await stat(localDoorPath(folder))).isSocket()).toBe(true);
    await new Promise<void>((resolve) => other.close(() => resolve()));
  });

  it('is claimed by nobody while the host that leaves still closes its files', async () => {
    const leaving = await open();
    const connected = await localHostClient(localDoorPath(folder));
    leaving.leave();
    expect(await localHostClient(localDoorPath(folder))).toBeNull();
    expect(await connected?.client.call('host.describe', null)).toEqual(description);
    let closed = false;
    const next = open().then(() => expect(closed).toBe(true));
    // It has looked, and found the one that leaves.
    await findLocalHost(localDoorPath(folder));
    await findLocalHost(localDoorPath(folder));
    closed = true;
    await leaving.close();
    await next;
  });

  it('is handed over by a host that agrees, once that has closed', async () => {
    const first = await open();
    let closed = false;
    await open(async (host) => {
      expect(await host.call('host.describe', null)).toEqual(description);
      first.leave();
      setImmediate(() => {
        closed = true;
        void first.close();
      });
      return true;
    });
    expect(closed).toBe(true);
  });

  it('stays with a host that does not agree', async () => {
    await open();
    await expect(open(() => Promise.resolve(false))).rejects.toBeInstanceOf(LocalDoorOccupied);
    expect(await findLocalHost(localDoorPath(folder))).not.toBe('none');
  });

  it('says so when its path is too long for a socket', async () => {
    const long = join(folder, 'x'.repeat(120));
    await expect(openLocalDoor(long, () => undefined)).rejects.toThrow(/too long for a socket/);
  });
});
