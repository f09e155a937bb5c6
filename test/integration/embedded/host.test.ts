import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import {
  defaultSettings,
  type EmbeddedStatus,
  type Settings,
  type StreamChunk,
} from '../../../electron/contract';
import { createHost, type Host } from '../../../electron/host/create-host';
import { RpcClient } from '../../../electron/rpc/client';
import { createMemoryTransportPair } from '../../../electron/rpc/transports/memory';
import { silentLogger } from '../../../electron/services/foundation';
import { CollectingSink } from '../dashboard/harness';
import { describeWithBubblewrap } from './with-bubblewrap';

describeWithBubblewrap('a host without an engine', () => {
  const path = process.env.PATH;
  let host: Host | null = null;
  let folder: string;
  afterEach(async () => {
    await host?.dispose();
    process.env.PATH = path;
    delete process.env.LM_SANDBOX_BUBBLEWRAP;
    await rm(folder, { recursive: true, force: true });
  });

  async function openHost(settings: Partial<Settings>) {
    folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-embedded-host-'));
    const noEngine = `unix://${folder}/no-engine.sock`;
    await writeFile(
      join(folder, 'settings.json'),
      JSON.stringify({ version: 1, settings: { ...defaultSettings, engineUrl: noEngine, ...settings } }),
    );
    return restartHost();
  }

  async function restartHost() {
    host = await createHost({
      appVersion: '0.0.0',
      dataFolder: folder,
      dockerFolder: join(__dirname, '../../../docker'),
      imageBuildArguments: {},
      door: 'test',
      logger: silentLogger,
      shell: null,
      checkOutput: true,
    });
    const [page, served] = createMemoryTransportPair();
    host.connect(served, 'page');
    const client = new RpcClient();
    const connected = new Promise<void>((resolve) => {
      client.onConnectionChanged((state) => state === 'connected' && resolve());
    });
    const statuses: EmbeddedStatus[] = [];
    client.on('embedded.changed', (status) => statuses.push(status));
    client.attach(page);
    await connected;
    return { client, statuses };
  }

  async function until(
    client: RpcClient,
    test: (status: EmbeddedStatus) => boolean,
  ): Promise<EmbeddedStatus> {
    return new Promise((resolve) => {
      const look = (status: EmbeddedStatus) => {
        if (test(status)) resolve(status);
      };
      client.on('embedded.changed', look);
      void client.call('embedded.status', null).then(look);
    });
  }

  /** Opens a shell, types, and gives what stands on its screen once `text` is among it. */
  async function ask(client: RpcClient, command: string, text: RegExp): Promise<string> {
    const { id } = await client.call('terminal.open', { columns: 100, rows: 30 });
    const decoder = new TextDecoder();
    let screen = '';
    const seen = new Promise<void>((resolve) => {
      client.watch(
        'terminal.attach',
        { id },
        {
          onChunk: (chunk, consumed) => {
            if (chunk.kind === 'snapshot') screen = chunk.screen;
            if (chunk.kind === 'data') screen += decoder.decode(chunk.bytes, { stream: true });
            consumed();
            if (text.test(screen)) resolve();
          },
        },
      );
    });
    await client.call('terminal.write', { id, data: new TextEncoder().encode(`${command}\n`) });
    await seen;
    return screen;
  }

  it('leads from its start to a prompt in bubblewrap, by the same calls as in a container', async () => {
    const { client } = await openHost({ sandboxPlace: 'embedded' });
    const status = await until(client, ({ state }) => state === 'ready');
    expect(status).toMatchObject({ isolation: { kind: 'bubblewrap' }, network: false, error: null });
    await ask(
      client,
      'echo "$(id -un) in $PWD on $(hostname), $LM_SANDBOX"',
      /sandbox in \/workspace on sandbox, embedded/,
    );
    const { terminals } = await client.call('terminal.list', null);
    expect(terminals).toMatchObject([{ place: 'embedded', status: 'running' }]);
  });

  it('does nothing of this while the place is a container, and follows the setting', async () => {
    const { client, statuses } = await openHost({});
    expect(await client.call('embedded.status', null)).toMatchObject({ state: 'off', revision: 0 });
    await expect(client.call('terminal.open', { columns: 80, rows: 24 })).rejects.toMatchObject({
      code: expect.stringMatching(/^engine_|^container_/) as unknown,
    });
    expect(statuses).toEqual([]);
    await client.call('settings.update', { sandboxPlace: 'embedded' });
    await until(client, ({ state }) => state === 'ready');
    await ask(client, 'echo $((6 * 7))', /^42/m);
    await client.call('settings.update', { sandboxPlace: 'container' });
    await until(client, ({ state }) => state === 'off');
    const { terminals } = await client.call('terminal.list', null);
    expect(terminals).toMatchObject([{ status: 'lost', error: { code: 'sandbox_not_running' } }]);
  });

  it('keeps home, workspace and the choice of the network over a restart', async () => {
    const { client } = await openHost({ sandboxPlace: 'embedded' });
    await until(client, ({ state }) => state === 'ready');
    await ask(client, 'echo kept > ~/note; echo kept > note; echo wri""tten', /written/);
    expect(await client.call('embedded.setNetwork', { network: true })).toMatchObject({
      state: 'ready',
      network: true,
      running: 0,
    });
    await host?.dispose();
    const again = await restartHost();
    expect(await until(again.client, ({ state }) => state === 'ready')).toMatchObject({ network: true });
    await ask(again.client, 'cat ~/note note | tr "\\n" "-"', /kept-kept-/);
  });

  it('shows this computer in the dashboard, with its GPU (simulated GPU)', async () => {
    folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-bin-'));
    const bin = folder;
    await mkdir(bin, { recursive: true });
    await copyFile(join(__dirname, '../../support/simulated-gpu/nvidia-smi'), join(bin, 'nvidia-smi'));
    process.env.PATH = `${bin}:${String(path)}`;
    const { client } = await openHost({ sandboxPlace: 'embedded' });
    await until(client, ({ state }) => state === 'ready');
    const telemetry = new CollectingSink<StreamChunk<'telemetry.watch'>>();
    const gpu = new CollectingSink<StreamChunk<'gpu.watch'>>();
    const keepIn = <Chunk>(sink: CollectingSink<Chunk>) => ({
      onChunk: (chunk: Chunk, consumed: () => void) => {
        sink.send(chunk);
        consumed();
      },
    });
    client.watch('telemetry.watch', null, keepIn(telemetry));
    client.watch('gpu.watch', null, keepIn(gpu));
    await ask(client, 'sleep 60 & sleep 60 & echo beg""un', /begun/);
    const samples = (chunks: readonly StreamChunk<'telemetry.watch'>[]) =>
      chunks.flatMap((chunk) => (chunk.kind === 'sample' ? [chunk.sample] : chunk.history));
    const sample = await telemetry.until((chunks) =>
      // bubblewrap inside, the shell, and the two that sleep.
      samples(chunks).find(({ pids, cpuPercent }) => (pids ?? 0) >= 4 && cpuPercent !== null),
    );
    expect(sample.memoryLimitBytes).toBeGreaterThan(sample.memoryUsedBytes ?? 0);
    const state = await gpu.until(
      (chunks) =>
        chunks.flatMap((chunk) =>
          chunk.kind === 'state' && chunk.state.status === 'available' ? [chunk.state] : [],
        )[0],
    );
    expect(state.gpus[0]).toMatchObject({ simulated: true });
    await rm(bin, { recursive: true, force: true });
  });

  it('says that there is no GPU where there is none, as a fact and not as a fault', async () => {
    const { client } = await openHost({ sandboxPlace: 'embedded' });
    await until(client, ({ state }) => state === 'ready');
    const gpu = new CollectingSink<StreamChunk<'gpu.watch'>>();
    client.watch('gpu.watch', null, {
      onChunk: (chunk, consumed) => {
        gpu.send(chunk);
        consumed();
      },
    });
    const state = await gpu.until(
      (chunks) =>
        chunks.flatMap((chunk) =>
          chunk.kind === 'state' && chunk.state.status !== 'waiting' ? [chunk.state] : [],
        )[0],
    );
    if (state.status === 'available') return;
    expect(state.error).toMatchObject({ message: expect.not.stringContaining('container') as unknown });
  });

  it('opens a shell without isolation only after a consent, and calls it so', async () => {
    process.env.LM_SANDBOX_BUBBLEWRAP = '/bin/false';
    const { client } = await openHost({ sandboxPlace: 'embedded' });
    const asks = await until(client, ({ state }) => state === 'needs-consent');
    expect(asks.isolation).toMatchObject({ kind: 'none', reason: { code: 'isolation_refused' } });
    const size = { columns: 80, rows: 24 };
    await expect(client.call('terminal.open', size)).rejects.toMatchObject({ code: 'sandbox_not_running' });
    const ready = await client.call('embedded.consent', { remember: false });
    expect(ready).toMatchObject({ state: 'ready', isolation: { kind: 'none' }, network: true });
    await ask(
      client,
      `test -e '${folder}/settings.json' && echo "rea""ched $LM_SANDBOX"`,
      /reached not-isolated/,
    );
    expect((await client.call('terminal.list', null)).terminals).toMatchObject([{ place: 'unisolated' }]);
    expect(await client.call('embedded.restart', null)).toMatchObject({ state: 'needs-consent', running: 0 });
    // Installed meanwhile.
    delete process.env.LM_SANDBOX_BUBBLEWRAP;
    expect(await client.call('embedded.start', null)).toMatchObject({
      state: 'ready',
      isolation: { kind: 'bubblewrap' },
    });
  });

  it('takes no consent that it did not ask for', async () => {
    const { client } = await openHost({ sandboxPlace: 'embedded' });
    await until(client, ({ state }) => state === 'ready');
    await expect(client.call('embedded.consent', { remember: false })).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});
