import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contract, defaultSettings, type SettingsState } from '../../contract';
import { RpcClient } from '../../rpc/client';
import { serveConnection, type ServerConnection } from '../../rpc/server';
import { createMemoryTransportPair } from '../../rpc/transports/memory';
import { attachToHost, type AttachedHost } from './attached-host';
import { localDoorPath, openLocalDoor, type LocalDoor } from './local-door';

let folder: string;
let local: LocalDoor;
let served: ServerConnection[];
let themes: string[];
let opened: string[];
let lost: number;
let attached: AttachedHost | null;

const settings: SettingsState = { revision: 1, settings: { ...defaultSettings, theme: 'dark' }, error: null };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-attached-'));
  [served, themes, opened, lost] = [[], [], [], 0];
  local = await openLocalDoor(folder, (transport, connectionId) => {
    served.push(
      serveConnection({
        contract,
        routes: {
          methods: { 'settings.get': () => settings, 'settings.update': () => settings },
          streams: {},
        },
        transport,
        connectionId,
        onUnexpected: () => undefined,
      }),
    );
  });
  attached = await attachToHost({
    socketPath: localDoorPath(folder),
    onTheme: (theme) => themes.push(theme),
    openExternal: (url) => opened.push(url),
    onLost: () => (lost += 1),
  });
});
afterEach(async () => {
  attached?.dispose();
  await local.close();
  await rm(folder, { recursive: true });
});

async function openPage(connectionId: string): Promise<RpcClient> {
  const [page, host] = createMemoryTransportPair();
  attached?.connect(host, connectionId);
  const client = new RpcClient();
  await new Promise<void>((resolve) => {
    client.onConnectionChanged((state) => {
      if (state === 'connected') resolve();
    });
    client.attach(page);
  });
  return client;
}

describe('a window whose host another process runs', () => {
  it('is served by it, theme included', async () => {
    const page = await openPage('window-1');
    expect(await page.call('settings.get', null)).toEqual(settings);
    await expect.poll(() => themes).toEqual(['dark']);
    served[0]!.publish('settings.changed', { ...settings, settings: { ...defaultSettings, theme: 'light' } });
    await expect.poll(() => themes).toEqual(['dark', 'light']);
  });

  it('opens links and takes choices of its menu by itself', async () => {
    const [one, two] = [await openPage('window-1'), await openPage('window-2')];
    await one.call('app.openExternal', { url: 'https://example.org/' });
    expect(opened).toEqual(['https://example.org/']);
    await expect(one.call('app.openExternal', { url: 'file:///etc/passwd' })).rejects.toMatchObject({
      data: { code: 'unsupported' },
    });
    expect(opened).toHaveLength(1);
    const chosen: string[] = [];
    one.on('app.commandInvoked', ({ command }) => chosen.push(`one ${command}`));
    two.on('app.commandInvoked', ({ command }) => chosen.push(`two ${command}`));
    attached?.invokeCommand('window-2', 'terminal.new');
    attached?.invokeCommand('window-2', 'no such command');
    await expect.poll(() => chosen).toEqual(['two terminal.new']);
  });

  it('leaves that host alone when its page goes, and hears when the host goes', async () => {
    const page = await openPage('window-1');
    const other = await openPage('window-2');
    page.markLost();
    expect(await other.call('settings.get', null)).toEqual(settings);
    await local.close();
    await expect.poll(() => [lost, other.connectionState]).toEqual([1, 'lost']);
  });

  it('has no such host where none answers', async () => {
    await local.close();
    const none = await attachToHost({
      socketPath: localDoorPath(folder),
      onTheme: () => undefined,
      openExternal: () => undefined,
      onLost: () => undefined,
    });
    expect(none).toBeNull();
  });
});
