import { describe, expect, it } from 'vitest';
import { LmError, type EngineGpu, type GpuChunk } from '../../contract';
import { silentLogger } from '../foundation';
import { FakeRunningContainer } from '../container/running-container.fakes';
import { ManualClock } from '../foundation/manual-clock.fakes';
import { FakeSink } from '../foundation/stream-sink.fakes';
import { GpuService } from './gpu-service';
import type { GpuProbeHandlers, GpuReading } from './ports';

function reading(index: number, utilisationPercent: number | null, lost = false): GpuReading {
  return {
    facts: {
      index,
      uuid: `GPU-${index}`,
      name: 'Simulated GPU',
      driverVersion: '595.71',
      computeCapability: '8.9',
      migMode: null,
      persistenceMode: 'Disabled',
      simulated: true,
    },
    values: {
      index,
      utilisationPercent,
      memoryUtilisationPercent: null,
      memoryTotalBytes: 16,
      memoryUsedBytes: 4,
      memoryReservedBytes: 1,
      temperatureCelsius: 40,
      powerWatts: null,
      powerLimitWatts: 320,
      fanPercent: 0,
      smClockMegahertz: 210,
      memoryClockMegahertz: 405,
      performanceState: 'P8',
      throttleReasons: [],
      missing: { powerWatts: '[N/A]' },
    },
    lost,
  };
}

function setUp(engineGpu: EngineGpu | null = { mechanism: 'cdi', devices: ['all'], error: null }) {
  const clock = new ManualClock();
  const running = new FakeRunningContainer();
  const probes: { handlers: GpuProbeHandlers; open: boolean }[] = [];
  const service = new GpuService({
    running,
    clock,
    logger: silentLogger,
    engineGpu: () => engineGpu,
    probe: {
      watch: (_containerId, handlers) => {
        const probe = { handlers, open: true };
        probes.push(probe);
        return () => (probe.open = false);
      },
    },
  });
  const open = () => {
    const sink = new FakeSink<GpuChunk>();
    service.watch(sink);
    return sink;
  };
  const read = (...readings: readonly GpuReading[]) => {
    for (const each of readings) probes.at(-1)?.handlers.onReading(each);
  };
  return { clock, running, probes, service, open, read };
}

describe('GpuService', () => {
  it('shows the GPUs of a round, then the values of each round after it', () => {
    const { clock, running, open, read } = setUp();
    running.start('a', 'run-1');
    const page = open();
    expect(page.take()).toEqual([{ kind: 'state', state: { status: 'waiting' }, history: [] }]);
    read(reading(0, 10), reading(1, 20));
    expect(page.take()).toEqual([]);
    clock.advance(150);
    const [state] = page.take();
    expect(state).toMatchObject({
      kind: 'state',
      state: { status: 'available', gpus: [{ index: 0 }, { index: 1 }] },
      history: [
        { index: 0, utilisationPercent: 10 },
        { index: 1, utilisationPercent: 20 },
      ],
    });
    read(reading(0, 30), reading(1, 40), reading(0, 50));
    expect(page.take()).toMatchObject([
      {
        kind: 'samples',
        samples: [{ utilisationPercent: 30, powerWatts: null }, { utilisationPercent: 40 }],
      },
    ]);
  });

  it('says plainly that the sandbox was created for CPU, without starting anything in it', () => {
    const { running, open, probes } = setUp();
    running.start('a', 'run-1', 'none');
    expect(open().take()).toMatchObject([
      {
        state: {
          status: 'unavailable',
          error: { code: 'gpu_not_requested', message: 'This sandbox was created for CPU.' },
        },
      },
    ]);
    expect(probes).toEqual([]);
  });

  it("adds the engine's reason and repair where the engine has no GPU to give", () => {
    const error = new LmError('gpu_toolkit_missing', 'The NVIDIA Container Toolkit is not installed.', {
      repair: { text: 'Install it.', command: 'sudo apt-get install nvidia-container-toolkit' },
    }).data;
    const { running, open } = setUp({ mechanism: 'none', devices: [], error });
    expect(open().take()).toMatchObject([
      { state: { status: 'unavailable', error: { code: 'gpu_toolkit_missing' } } },
    ]);
    running.start('a', 'run-1', 'none');
    expect(open().take()).toMatchObject([
      {
        state: {
          error: {
            message: 'This sandbox was created for CPU. The NVIDIA Container Toolkit is not installed.',
            repair: { command: 'sudo apt-get install nvidia-container-toolkit' },
          },
        },
      },
    ]);
  });

  it('shows a failure with its repair and tries again with growing pauses', () => {
    const { clock, running, open, probes, read } = setUp();
    running.start('a', 'run-1');
    const page = open();
    page.take();
    const lost = new LmError('gpu_access_lost', 'Access lost.', {
      repair: { text: 'Recreate the sandbox.' },
      retryable: true,
    });
    probes[0]?.handlers.onEnd(lost);
    expect(page.take()).toMatchObject([
      { state: { status: 'unavailable', error: { code: 'gpu_access_lost' } } },
    ]);
    clock.advance(2_000);
    probes[1]?.handlers.onEnd(lost);
    expect(page.take()).toEqual([]);
    clock.advance(3_999);
    expect(probes).toHaveLength(2);
    clock.advance(1);
    expect(probes).toHaveLength(3);
    read(reading(0, 10));
    clock.advance(150);
    expect(page.take()).toMatchObject([{ state: { status: 'available' } }]);
  });

  it('does not try again where only a new container can help', () => {
    const { clock, running, probes } = setUp();
    running.start('a', 'run-1');
    probes[0]?.handlers.onEnd(new LmError('gpu_unavailable', 'There is no nvidia-smi.'));
    clock.advance(3_600_000);
    expect(probes).toHaveLength(1);
    running.start('b', 'run-2');
    expect(probes).toHaveLength(2);
  });

  it('takes a card of which nothing can be read for lost, and shows no numbers for it', () => {
    const { clock, running, open, read } = setUp();
    running.start('a', 'run-1');
    const page = open();
    page.take();
    read(reading(0, null, true));
    clock.advance(150);
    expect(page.take()).toMatchObject([
      { state: { status: 'unavailable', error: { code: 'gpu_access_lost' } }, history: [] },
    ]);
  });

  it('reports a driver that hangs, and ends the probe', () => {
    const { clock, running, open, probes, read } = setUp();
    running.start('a', 'run-1');
    read(reading(0, 10));
    const page = open();
    clock.advance(19_000);
    page.take();
    clock.advance(1_000);
    expect(page.take()).toMatchObject([
      { state: { status: 'unavailable', error: { code: 'gpu_unavailable' } } },
    ]);
    expect(probes[0]?.open).toBe(false);
  });

  it('keeps the history over a restart of the container, and drops it with the container', () => {
    const { clock, running, open, read } = setUp();
    running.start('a', 'run-1');
    read(reading(0, 10));
    clock.advance(150);
    running.stop();
    running.start('a', 'run-2');
    expect(open().take()).toMatchObject([{ history: [{ utilisationPercent: 10 }] }]);
    running.start('b', 'run-3');
    expect(open().take()).toMatchObject([{ history: [] }]);
  });

  it('leaves no probe, listener or timer behind when it is disposed', () => {
    const { clock, running, service, probes, read } = setUp();
    running.start('a', 'run-1');
    read(reading(0, 10));
    service.dispose();
    service.dispose();
    expect([probes[0]?.open, running.listeners, clock.waiting]).toEqual([false, 0, 0]);
  });
});
