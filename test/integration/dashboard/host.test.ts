import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultSettings, type SandboxStatus, type StreamChunk } from '../../../electron/contract';
import { createHost, type Host } from '../../../electron/host/create-host';
import { RpcClient } from '../../../electron/rpc/client';
import { createMemoryTransportPair } from '../../../electron/rpc/transports/memory';
import { silentLogger } from '../../../electron/services/foundation';
import { ensureBaseImage } from '../../support/base-image.mjs';
import { startEngine, type Engine } from '../../support/engine.mjs';
import { CollectingSink } from './harness';

const hostPort = 18_471;
const program = 'i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.1; done';

describe('dashboard streams through the whole host (simulated GPU)', () => {
  let engine: Engine;
  let dataFolder: string;
  let host: Host;
  let connections = 0;

  beforeAll(async () => {
    engine = await startEngine({ generation: 'modern', cdi: true, name: 'dashboard-host' });
    const made = await engine.docker(['create', await ensureBaseImage(engine), 'true']);
    const id = made.stdout.trim();
    const command = JSON.stringify(['sh', '-c', program]);
    const changes = ['--change', `CMD ${command}`, '--change', 'USER 1000:1000'];
    await engine.docker(['commit', ...changes, id, defaultSettings.imageName]);
    await engine.docker(['rm', id]);
    dataFolder = await mkdtemp(join(tmpdir(), 'lm-sandbox-dashboard-'));
    const settings = { ...defaultSettings, engineUrl: engine.host, hostPort };
    await writeFile(join(dataFolder, 'settings.json'), JSON.stringify({ version: 1, settings }));
    host = await createHost({
      appVersion: '0.0.0',
      dataFolder,
      dockerFolder: join(__dirname, '../../../docker'),
      imageBuildArguments: {},
      door: 'test',
      logger: silentLogger,
      shell: null,
      checkOutput: true,
    });
  });
  afterAll(async () => {
    await host?.dispose();
    await engine?.stop();
    if (dataFolder) await rm(dataFolder, { recursive: true });
  });

  async function openPage() {
    const [page, served] = createMemoryTransportPair();
    connections += 1;
    host.connect(served, `page-${connections}`);
    const client = new RpcClient();
    const connected = new Promise<void>((resolve) => {
      const stop = client.onConnectionChanged((state) => {
        if (state !== 'connected') return;
        stop();
        resolve();
      });
    });
    const telemetry = new CollectingSink<StreamChunk<'telemetry.watch'>>();
    const gpu = new CollectingSink<StreamChunk<'gpu.watch'>>();
    const logs = new CollectingSink<StreamChunk<'logs.watch'>>();
    client.watch('telemetry.watch', null, keepIn(telemetry));
    client.watch('gpu.watch', null, keepIn(gpu));
    client.watch('logs.watch', null, keepIn(logs));
    client.attach(page);
    await connected;
    return { client, telemetry, gpu, logs, close: () => page.close() };
  }

  const lines = (chunks: readonly StreamChunk<'logs.watch'>[]) =>
    chunks.flatMap((chunk) => (chunk.kind === 'lines' ? chunk.lines : []));

  it('show a sandbox from its creation over reload, restart, stop and recreation for CPU', async () => {
    const first = await openPage();
    await new Promise<void>((resolve) => {
      const look = (status: SandboxStatus) => {
        if (status.phase !== 'absent' || status.image.state !== 'present') return;
        stop();
        resolve();
      };
      const stop = first.client.on('sandbox.changed', look);
      void first.client.call('sandbox.status', null).then(look);
    });
    await first.client.call('sandbox.create', { gpu: 'all' });
    await first.telemetry.until((chunks) => chunks.filter((chunk) => chunk.kind === 'sample').length >= 2);
    await first.gpu.until((chunks) => chunks.some((chunk) => chunk.kind === 'samples'));
    await first.logs.until((chunks) => lines(chunks).some((line) => line.text === 'line 5'));

    // A page that is loaded anew finds the history at once.
    first.close();
    const second = await openPage();
    const state = await second.telemetry.until((chunks) => chunks[0]);
    expect(state.kind === 'state' && state.history.length).toBeGreaterThanOrEqual(2);
    const gpuState = await second.gpu.until((chunks) => chunks[0]);
    expect(gpuState).toMatchObject({ state: { status: 'available', gpus: [{ simulated: true }] } });
    expect(gpuState.kind === 'state' && gpuState.history.length).toBeGreaterThanOrEqual(1);
    await second.logs.until((chunks) => lines(chunks).some((line) => line.text === 'line 1'));

    await second.client.call('sandbox.restart', null);
    await second.logs.until((chunks) => lines(chunks).filter((line) => line.text === 'line 3').length === 2);
    const numbers = lines(second.logs.chunks).map((line) => line.sequence);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    expect(second.logs.chunks.filter((chunk) => chunk.kind === 'lines' && chunk.replace)).toHaveLength(1);
    await second.gpu.until((chunks) => chunks.at(-1)?.kind === 'samples');

    await second.client.call('sandbox.stop', null);
    const stopped = (chunk: { kind: string; error?: { code: string } | null } | undefined) =>
      chunk?.kind === 'state' && chunk.error?.code === 'container_not_running';
    await second.telemetry.until((chunks) => stopped(chunks.at(-1)));
    await second.gpu.until((chunks) => {
      const last = chunks.at(-1);
      return last?.kind === 'state' && last.state.status === 'unavailable';
    });

    await second.client.call('sandbox.recreate', { gpu: 'none' });
    await second.gpu.until((chunks) => {
      const last = chunks.at(-1);
      return (
        last?.kind === 'state' &&
        last.state.status === 'unavailable' &&
        last.state.error.code === 'gpu_not_requested'
      );
    });
    await second.logs.until(
      (chunks) => chunks.filter((chunk) => chunk.kind === 'lines' && chunk.replace).length === 2,
    );
    await second.telemetry.until((chunks) => chunks.at(-1)?.kind === 'sample');
    second.close();
  });
});

function keepIn<Chunk>(sink: CollectingSink<Chunk>) {
  return {
    onChunk: (chunk: Chunk, consumed: () => void) => {
      sink.send(chunk);
      consumed();
    },
  };
}
