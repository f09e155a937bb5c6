import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createLocalPtyBackend } from '../../electron/adapters/pty/local-pty';
import { createXtermScreenMirror } from '../../electron/adapters/screen/xterm-screen-mirror';
import { contract } from '../../electron/contract';
import {
  attachToHost,
  localDoorPath,
  openLocalDoor,
  type AttachedHost,
  type LocalDoor,
} from '../../electron/headless/local';
import { createTerminalRoutes } from '../../electron/host/routes/terminal';
import { RpcClient } from '../../electron/rpc/client';
import { serveConnection } from '../../electron/rpc/server';
import { createMemoryTransportPair } from '../../electron/rpc/transports/memory';
import type { Transport } from '../../electron/rpc/transport';
import { webSocketTransport } from '../../electron/rpc/transports/web-socket';
import { systemClock } from '../../electron/services/foundation';
import { TerminalService } from '../../electron/services/terminal';
import { DoorRig, sayHello } from './rig';

const size = { columns: 80, rows: 24 };
let rig: DoorRig;
let terminal: TerminalService;
let local: LocalDoor | null = null;
let relay: AttachedHost | null = null;
let connections = 0;

afterEach(async () => {
  relay?.dispose();
  await local?.close();
  [local, relay] = [null, null];
  await rig.stop();
  await terminal.dispose();
});

/** The terminal service over real shells of this machine, behind the door and behind a desktop's kind of port. */
async function start(): Promise<void> {
  terminal = new TerminalService({
    backend: createLocalPtyBackend({
      command: ['/bin/bash', '--norc'],
      workingFolder: tmpdir(),
      environment: { PATH: '/usr/bin:/bin', HOME: tmpdir(), LANG: 'C.UTF-8', PS1: '$ ' },
    }),
    createMirror: createXtermScreenMirror,
    clock: systemClock,
  });
  rig = await DoorRig.start(() => ({ connect: serve }));
}

function serve(transport: Transport): void {
  serveConnection({
    contract,
    routes: createTerminalRoutes({ terminal }),
    transport,
    connectionId: `page-${++connections}`,
    onUnexpected: (error) => expect.unreachable(String(error)),
  });
}

function connected(client: RpcClient, transport: Transport): Promise<RpcClient> {
  return new Promise((resolve) => {
    client.onConnectionChanged((state) => {
      if (state === 'connected') resolve(client);
    });
    client.attach(transport);
  });
}

async function openBrowser(): Promise<{ client: RpcClient; socket: WebSocket }> {
  const session = await rig.signIn();
  const socket = await rig.socket(session);
  sayHello(socket, session.key);
  return { client: await connected(new RpcClient(), webSocketTransport(socket)), socket };
}

function openDesktop(): Promise<RpcClient> {
  const [page, host] = createMemoryTransportPair();
  serve(host);
  return connected(new RpcClient(), page);
}

/** A desktop window whose host is this one, over its local socket and through the relay of the window's process. */
async function openSecondDesktop(): Promise<RpcClient> {
  local = await openLocalDoor(rig.folder, serve);
  relay = await attachToHost({
    socketPath: localDoorPath(rig.folder),
    onTheme: () => undefined,
    openExternal: () => undefined,
    onLost: () => undefined,
  });
  const [page, host] = createMemoryTransportPair();
  relay?.connect(host, 'window');
  return connected(new RpcClient(), page);
}

/** A screen like that of a page. */
const makeMirror = () =>
  createXtermScreenMirror(
    size,
    {
      foreground: '#ffffff',
      background: '#000000',
      cursor: '#ffffff',
      palette: Array.from({ length: 16 }, () => '#808080'),
    },
    { reply: () => undefined, title: () => undefined, clipboard: () => undefined },
  );

/**
 * Follows a terminal as a page does; all its bytes since the first snapshot, by their sequence. Behind a slow line a chunk
 * takes as long as its bytes need.
 */
function follow(client: RpcClient, id: string, bytesPerSecond = Infinity) {
  let dealtWith = Promise.resolve();
  const hash = createHash('sha256');
  let mirror = makeMirror();
  const seen = {
    ...{ text: '', bytes: 0, sequence: 0, snapshots: 0 },
    hash: () => hash.copy().digest('hex'),
    screen: () => mirror.snapshot(),
  };
  client.watch(
    'terminal.attach',
    { id },
    {
      onChunk: (chunk, consumed) => {
        if (chunk.kind === 'snapshot') {
          seen.snapshots += 1;
          mirror = makeMirror();
          mirror.write(new TextEncoder().encode(chunk.screen));
        }
        if (chunk.kind === 'data') {
          mirror.write(chunk.bytes);
          hash.update(chunk.bytes);
          seen.bytes += chunk.bytes.byteLength;
          seen.text = (seen.text + new TextDecoder('latin1').decode(chunk.bytes)).slice(-4_000);
        }
        if (chunk.kind === 'snapshot' || chunk.kind === 'data') seen.sequence = chunk.sequence;
        if (bytesPerSecond === Infinity || chunk.kind !== 'data') {
          consumed();
          return;
        }
        const ms = (chunk.bytes.byteLength * 1000) / bytesPerSecond;
        dealtWith = dealtWith.then(() => new Promise((resolve) => setTimeout(resolve, ms))).then(consumed);
      },
    },
  );
  return seen;
}

const type = (client: RpcClient, id: string, text: string) =>
  client.call('terminal.write', { id, data: new TextEncoder().encode(text) });

describe('one terminal with several pages', { timeout: 60_000 }, () => {
  it('gives two browsers and the desktop windows of both kinds the same bytes, whoever types', async () => {
    await start();
    const [first, second, desktop] = [await openBrowser(), await openBrowser(), await openDesktop()];
    const secondDesktop = await openSecondDesktop();
    const { id } = await first.client.call('terminal.open', size);
    // Its prompt stands, so that all begin at the same place.
    const prompt = follow(first.client, id);
    await type(first.client, id, 'echo rea""dy\n');
    await expect.poll(() => prompt.text).toMatch(/\rready\r\n[^\n]*\$ $/);
    const clients = [first.client, second.client, desktop, secondDesktop];
    const views = clients.map((client) => follow(client, id));
    await expect.poll(() => views.map(({ snapshots }) => snapshots)).toEqual([1, 1, 1, 1]);
    await type(second.client, id, 'for i in $(seq 3000); do echo "line $i ümläut 漢字 $((i * i))"; done\n');
    await type(desktop, id, 'kept=same\n');
    await type(secondDesktop, id, 'echo the "end" $kept\n');
    await expect
      .poll(() => views.every(({ text }) => text.includes('the end same')), { timeout: 30_000 })
      .toBe(true);
    await expect.poll(() => new Set(views.map(({ sequence }) => sequence)).size).toBe(1);
    expect(new Set(views.map((view) => view.hash())).size).toBe(1);
    expect(views[0]!.bytes).toBeGreaterThan(70_000);
  });

  it('goes on for the others when one page leaves, and shows one that comes later where it is', async () => {
    await start();
    const [first, second] = [await openBrowser(), await openBrowser()];
    const { id } = await first.client.call('terminal.open', size);
    const view = follow(second.client, id);
    await type(first.client, id, 'kept=$((40 + 2))\n');
    first.socket.terminate();
    await type(second.client, id, 'echo "kept is $kept"\n');
    await expect.poll(() => view.text).toContain('kept is 42');
    const late = await openBrowser();
    const screens: string[] = [];
    late.client.watch(
      'terminal.attach',
      { id },
      {
        onChunk: (chunk, consumed) => {
          if (chunk.kind === 'snapshot') screens.push(chunk.screen);
          consumed();
        },
      },
    );
    await expect.poll(() => screens[0] ?? '').toContain('kept is 42');
  });

  it('runs at the pace of the quickest page, and shows slow ones the same in the end', async () => {
    await start();
    const quick = await openBrowser();
    const { id } = await quick.client.call('terminal.open', size);
    const quickView = follow(quick.client, id);
    /** Milliseconds of a job whose output is escapes, which are not left out. */
    const job = async (mark: string) => {
      const beganMs = performance.now();
      await type(
        quick.client,
        id,
        `yes "$(printf '\\033[1;1H%0500d')" | head -c 20000000; echo; echo the "${mark}"\n`,
      );
      await expect.poll(() => quickView.text, { timeout: 50_000 }).toContain(`the ${mark}`);
      return performance.now() - beganMs;
    };
    const aloneMs = await job('first');
    const slow = [await openBrowser(), await openBrowser()];
    // Quick enough never to count as standing still.
    const slowViews = slow.map(({ client }) => follow(client, id, 2_000_000));
    await expect.poll(() => slowViews.map(({ snapshots }) => snapshots)).toEqual([1, 1]);
    const besideMs = await job('second');
    expect(besideMs).toBeLessThan(3 * aloneMs + 1_500);
    await expect
      .poll(() => slowViews.map(({ sequence }) => sequence), { timeout: 30_000 })
      .toEqual([quickView.sequence, quickView.sequence]);
    for (const view of slowViews) {
      expect(view.bytes).toBeLessThan(20_000_000);
      expect(view.screen()).toBe(quickView.screen());
    }
  });

  it('is not held up by a browser that stands still, which gets a snapshot when it goes on', async () => {
    await start();
    const [stalled, quick] = [await openBrowser(), await openBrowser()];
    const { id } = await quick.client.call('terminal.open', size);
    const stalledView = follow(stalled.client, id);
    const quickView = follow(quick.client, id);
    await expect.poll(() => stalledView.snapshots).toBe(1);
    stalled.socket.pause();
    const beganMs = performance.now();
    // More than every buffer on the way to the one that stands still could take: escapes, which are not left out.
    await type(
      quick.client,
      id,
      `yes "$(printf '\\033[1;1H%0500d')" | head -c 30000000; echo; echo the "end"\n`,
    );
    await expect.poll(() => quickView.text, { timeout: 50_000 }).toContain('the end');
    const tookMs = performance.now() - beganMs;
    expect(quickView.bytes).toBeGreaterThan(20_000_000);
    // Half a second is granted to a page before it no longer holds the shell up; never again and again.
    expect(tookMs).toBeLessThan(30_000);
    expect(stalledView.text).not.toContain('the end');
    stalled.socket.resume();
    await expect.poll(() => stalledView.snapshots, { timeout: 20_000 }).toBeGreaterThan(1);
    await expect.poll(() => stalledView.sequence).toBe(quickView.sequence);
  });
});
