import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDockerProcessRunner } from '../../../electron/adapters/docker/exec-process';
import { createNvidiaSmiProbe } from '../../../electron/adapters/nvidia';
import type { GpuChunk } from '../../../electron/contract';
import { silentLogger, systemClock } from '../../../electron/services/foundation';
import { GpuService } from '../../../electron/services/gpu';
import { FakeRunningContainer } from '../../../electron/services/container/running-container.fakes';
import { startEngine, type Engine } from '../../support/engine.mjs';
import { CollectingSink, connectTo, openWay, runContainer, type TestContainer } from './harness';

describe('GPU readings through one loop in the container (simulated GPU)', () => {
  let engine: Engine;
  let container: TestContainer;
  beforeAll(async () => {
    engine = await startEngine({ generation: 'modern', cdi: true, name: 'dashboard-gpu' });
  });
  afterAll(() => engine?.stop());

  function watchGpu(target: TestContainer) {
    const running = new FakeRunningContainer();
    const service = new GpuService({
      running,
      probe: createNvidiaSmiProbe(createDockerProcessRunner(connectTo(engine))),
      engineGpu: () => ({ mechanism: 'cdi', devices: ['0', 'all'], error: null }),
      clock: systemClock,
      logger: silentLogger,
    });
    const page = new CollectingSink<GpuChunk>();
    running.start(target.id, 'run-1');
    service.watch(page);
    return { service, page, running };
  }

  describe('with the device', () => {
    beforeAll(async () => {
      await engine.gpu.setMode('normal');
      // As hard as the sandbox is.
      const hardening = ['--user', '1000:1000', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
      container = await runContainer(engine, {
        arguments: [...hardening, '--device', 'nvidia.com/gpu=all'],
      });
    });
    afterAll(() => container.remove());

    it('gives facts and a value a second, and what the card does not report is missing', async () => {
      const { service, page } = watchGpu(container);
      const samples = await page.until((chunks) => {
        const found = chunks.flatMap((chunk) => (chunk.kind === 'samples' ? chunk.samples : []));
        return found.length >= 3 && found;
      });
      const state = page.chunks.find((chunk) => chunk.kind === 'state' && chunk.state.status === 'available');
      expect(state).toMatchObject({
        state: { gpus: [{ index: 0, name: 'Simulated GPU', simulated: true, driverVersion: '595.71.05' }] },
      });
      for (const sample of samples) {
        expect(sample.memoryTotalBytes).toBe(16_376 * 1024 * 1024);
        expect(sample.utilisationPercent).toBeGreaterThan(0);
        expect(sample.powerWatts).toBeGreaterThan(0);
      }
      const distances = samples
        .slice(1)
        .map((sample, index) => sample.timeMs - (samples[index]?.timeMs ?? 0));
      expect(Math.min(...distances)).toBeGreaterThan(300);
      await expect(container.exec('sh', '-c', processList)).resolves.toContain('nvidia-smi');

      service.dispose();
      await nothingLeft(container);
    });

    it('ends the loop in the container also when the host dies without a word', async () => {
      // A host that is killed closes its connections and says nothing: so does this way to the engine.
      const way = await openWay(engine.socketPath);
      const ended = new Promise<unknown>((resolve) => {
        const runner = createDockerProcessRunner(connectTo({ ...engine, socketPath: way.socketPath }));
        runner.start(container.id, ['nvidia-smi', '--query-gpu=index', '--format=csv', '-lms', '200'], {
          onLine: () => way.cut(),
          onEnd: resolve,
        });
      });
      await expect(ended).resolves.toMatchObject({ error: { code: 'engine_connection_lost' } });
      await nothingLeft(container);
    });

    it('shows the loss of the GPU with its repair, and the GPU again when it is back', async () => {
      const { service, page } = watchGpu(container);
      try {
        await page.until((chunks) => chunks.some((chunk) => chunk.kind === 'samples'));
        await engine.gpu.setMode('lost');
        await page.until((chunks) => isUnavailable(chunks.at(-1), 'gpu_access_lost'));
        await engine.gpu.setMode('normal');
        await page.until((chunks) => {
          const last = chunks.at(-1);
          return last?.kind === 'state' && last.state.status === 'available';
        });
      } finally {
        service.dispose();
      }
      await nothingLeft(container);
    });

    it.each([
      ['mismatch', 'gpu_driver_mismatch', /Restart the computer/],
      ['none', 'gpu_unavailable', /recreate the sandbox/],
    ] as const)('names cause and repair when the driver says %s', async (mode, code, repair) => {
      await engine.gpu.setMode(mode);
      const { service, page } = watchGpu(container);
      try {
        const chunk = await page.until((chunks) => chunks.find((each) => isUnavailable(each, code)));
        const error =
          chunk.kind === 'state' && chunk.state.status === 'unavailable' ? chunk.state.error : null;
        expect(error?.repair?.text).toMatch(repair);
      } finally {
        service.dispose();
        await engine.gpu.setMode('normal');
      }
    });
  });

  it('says why there is nothing in a container that got no nvidia-smi, and leaves nothing running in it', async () => {
    const bare = await runContainer(engine);
    const { service, page } = watchGpu(bare);
    try {
      await page.until((chunks) => isUnavailable(chunks.at(-1), 'gpu_unavailable'));
      expect(page.chunks.at(-1)).toMatchObject({
        state: { error: { message: noNvidiaSmi } },
      });
      await nothingLeft(bare);
    } finally {
      service.dispose();
      await bare.remove();
    }
  });
});

const noNvidiaSmi =
  'The container was created for the GPU, but the engine put no nvidia-smi into it: it has no GPU.';

/** Command lines of all processes, as /proc has them: the base image has no ps. */
const processList = `for file in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <"$file"; echo; done 2>/dev/null`;

/** Asks the container, until no process of a probe is in it any more. */
async function nothingLeft(container: TestContainer): Promise<void> {
  await expect
    .poll(
      async () =>
        (await container.exec('sh', '-c', processList))
          .split('\n')
          .filter(
            (line) =>
              /nvidia-smi|stdbuf|exec 3<&0|sleep (?!infinity)/.test(line) && !line.includes('/proc/[0-9]'),
          ),
      { timeout: 15_000, interval: 200 },
    )
    .toEqual([]);
}

function isUnavailable(chunk: GpuChunk | undefined, code: string): boolean {
  return chunk?.kind === 'state' && chunk.state.status === 'unavailable' && chunk.state.error.code === code;
}
