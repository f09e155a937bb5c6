import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type Engine } from '../../support/engine.mjs';
import {
  containing,
  includingAll,
  createHarness,
  finderFor,
  whenEngine,
  whenSandbox,
  type Harness,
} from './harness';
import { importTinyImage } from './tiny-image';

const stay = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'];
const hostPort = 18_451;

let harness: Harness | undefined;

async function open(engine: Engine): Promise<Harness> {
  harness = await createHarness({ finder: finderFor(engine.host), settings: { hostPort } });
  await whenEngine(harness, ({ state }) => state === 'connected');
  await whenSandbox(harness, ({ phase, image }) => phase === 'absent' && image.state === 'present');
  return harness;
}

afterEach(async () => {
  if (harness?.sandbox.status().container) await harness.sandbox.remove(true);
  harness?.dispose();
  harness = undefined;
});

describe('Engine 28 with a simulated GPU offered through CDI', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine({ generation: 'modern', name: 'container-gpu', cdi: true });
    await importTinyImage(engine, 'lm-docker', stay);
  });
  afterAll(() => engine?.stop());

  const exec = async (command: string) =>
    (await engine.docker(['exec', 'lm_container', 'sh', '-c', command])).stdout.trim();

  it('gives the container its device, by CDI', async () => {
    const opened = await open(engine);
    expect(opened.engines.state()).toMatchObject({
      facts: { gpu: { mechanism: 'cdi', devices: includingAll(['0', 'all']), error: null } },
    });
    const status = await opened.sandbox.create('all');
    expect(status).toMatchObject({
      error: null,
      container: { gpu: { choice: 'all', mechanism: 'cdi', devices: ['all'] }, outdated: [] },
    });
    expect(opened.sandbox.require().gpuChoice).toBe('all');
    expect(await exec('ls /dev/nvidia0 /dev/nvidiactl')).toBe('/dev/nvidia0\n/dev/nvidiactl');
    expect(await exec('ls -l $(command -v nvidia-smi || echo /usr/bin/nvidia-smi)')).toContain('nvidia-smi');
  });

  it('gives it none when the person chose the CPU', async () => {
    const opened = await open(engine);
    const status = await opened.sandbox.create('none');
    expect(status.container?.gpu).toEqual({ choice: 'none', mechanism: 'none', devices: [] });
    expect(await exec('echo /dev/nvidia* $NVIDIA_VISIBLE_DEVICES')).toBe('/dev/nvidia* void');
  });

  it('whose description disappears says so at the start, keeps the container that ran, and never takes the CPU', async () => {
    const opened = await open(engine);
    await opened.sandbox.create('all');
    await opened.sandbox.stop();
    await engine.gpu.setPresent(false);
    try {
      await expect(opened.sandbox.start()).rejects.toMatchObject({
        code: 'gpu_device_unknown',
        data: { repair: { command: 'sudo systemctl restart nvidia-cdi-refresh.service' } },
      });
      expect(opened.sandbox.status()).toMatchObject({
        phase: 'stopped',
        container: { gpu: { choice: 'all' } },
        error: { code: 'gpu_device_unknown' },
      });
    } finally {
      await engine.gpu.setPresent(true);
    }
    expect(await opened.sandbox.start()).toMatchObject({ phase: 'starting', error: null });
  });
});

describe.each(['debian', 'modern'] as const)('a %s engine without any GPU', (generation) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine({ generation, name: 'container-nogpu' });
    await importTinyImage(engine, 'lm-docker', stay);
  });
  afterAll(() => engine?.stop());

  it('fails with the cause and its repair, leaves nothing, and runs on the CPU only when told to', async () => {
    const opened = await open(engine);
    await expect(opened.sandbox.create('all')).rejects.toMatchObject({
      code: 'gpu_toolkit_missing',
      data: {
        details: {
          reason: containing('could not select device driver "" with capabilities: [[gpu]]'),
        },
        repair: { command: containing('systemctl restart docker') },
      },
    });
    expect(opened.sandbox.status()).toMatchObject({
      phase: 'absent',
      container: null,
      error: { code: 'gpu_toolkit_missing' },
    });
    expect((await engine.docker(['ps', '-aq'])).stdout.trim()).toBe('');
    expect(await opened.sandbox.create('none')).toMatchObject({ phase: 'starting', error: null });
  });
});
