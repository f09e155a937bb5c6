import { describe, expect, it } from 'vitest';
import { LmError, telemetryHistorySeconds, type TelemetryChunk } from '../../contract';
import { silentLogger } from '../foundation';
import type { ContainerCounters, ContainerStatsHandlers } from './ports';
import { TelemetryService } from './telemetry-service';
import { FakeRunningContainer } from '../container/running-container.fakes';
import { ManualClock } from '../foundation/manual-clock.fakes';
import { FakeSink } from '../foundation/stream-sink.fakes';

const counters: ContainerCounters = {
  readTimeMs: 0,
  cpuUsageNanoseconds: 0,
  systemCpuNanoseconds: null,
  onlineCpus: 2,
  memoryUsedBytes: 100,
  memoryLimitBytes: 1_000,
  networkReceivedBytes: null,
  networkSentBytes: null,
  blockReadBytes: null,
  blockWrittenBytes: null,
  pids: 1,
};

function setUp() {
  const clock = new ManualClock();
  const running = new FakeRunningContainer();
  const streams: { containerId: string; handlers: ContainerStatsHandlers; open: boolean }[] = [];
  const service = new TelemetryService({
    running,
    clock,
    logger: silentLogger,
    stats: {
      watch: (containerId, handlers) => {
        const stream = { containerId, handlers, open: true };
        streams.push(stream);
        return () => (stream.open = false);
      },
    },
  });
  let second = 0;
  const tick = (memoryUsedBytes = 100) => {
    clock.advance(1_000);
    second += 1;
    streams.at(-1)?.handlers.onCounters({
      ...counters,
      readTimeMs: second * 1_000,
      cpuUsageNanoseconds: second * 500_000_000,
      memoryUsedBytes,
    });
  };
  const open = () => {
    const sink = new FakeSink<TelemetryChunk>();
    service.watch(sink);
    return sink;
  };
  return { clock, running, streams, service, tick, open };
}

const openStreams = (streams: readonly { open: boolean }[]) => streams.filter((stream) => stream.open).length;

describe('TelemetryService', () => {
  it('reads while the container runs although nobody looks, and gives a page that opens the history', () => {
    const { running, open, tick, streams } = setUp();
    running.start('a', 'run-1');
    tick(100);
    tick(200);
    const [state] = open().take();
    expect(state).toMatchObject({ kind: 'state', error: null, onlineCpus: 2 });
    expect(
      state?.kind === 'state' && state.history.map((sample) => [sample.memoryUsedBytes, sample.cpuPercent]),
    ).toEqual([
      [100, null],
      [200, 50],
    ]);
    expect(openStreams(streams)).toBe(1);
  });

  it('shares one stream of the engine among all pages', () => {
    const { running, open, tick, streams } = setUp();
    running.start('a', 'run-1');
    const pages = [open(), open(), open()];
    tick();
    pages.forEach((page) => page.take());
    tick();
    expect(pages.map((page) => page.take().map((chunk) => chunk.kind))).toEqual([
      ['sample'],
      ['sample'],
      ['sample'],
    ]);
    expect(streams).toHaveLength(1);
  });

  it('skips samples for a page that does not keep up, and sends the next one afterwards', () => {
    const { running, open, tick } = setUp();
    running.start('a', 'run-1');
    tick();
    const page = open();
    page.take();
    page.fallBehind();
    tick();
    page.catchUp();
    tick(300);
    expect(page.take()).toMatchObject([{ kind: 'sample', sample: { memoryUsedBytes: 300 } }]);
  });

  it('says why there is nothing while no container runs, and keeps the history over a restart', () => {
    const { running, open, tick } = setUp();
    running.start('a', 'run-1');
    tick();
    const page = open();
    page.take();
    running.stop();
    expect(page.take()).toMatchObject([{ kind: 'state', error: { code: 'container_not_running' } }]);
    running.start('a', 'run-2');
    tick();
    const states = page.take().flatMap((chunk) => (chunk.kind === 'state' ? [chunk] : []));
    expect(states.at(-1)).toMatchObject({ error: null });
    expect(states.at(-1)?.history).toHaveLength(2);
    // Counters begin anew with the run: no rate is made across it.
    expect(states.at(-1)?.history[1]?.cpuPercent).toBeNull();
  });

  it('begins a new history with another container', () => {
    const { running, open, tick } = setUp();
    running.start('a', 'run-1');
    tick();
    running.start('b', 'run-2');
    expect(open().take()).toMatchObject([{ kind: 'state', history: [] }]);
  });

  it('tells the reason and reads again with growing pauses when the stream breaks', () => {
    const { clock, running, open, tick, streams } = setUp();
    running.start('a', 'run-1');
    tick();
    const page = open();
    page.take();
    const lost = new LmError('engine_connection_lost', 'The connection broke.', { retryable: true });
    streams[0]?.handlers.onEnd(lost);
    expect(page.take()).toMatchObject([{ kind: 'state', error: { code: 'engine_connection_lost' } }]);
    clock.advance(499);
    expect(streams).toHaveLength(1);
    clock.advance(1);
    expect(streams).toHaveLength(2);
    streams[1]?.handlers.onEnd(lost);
    clock.advance(999);
    expect(streams).toHaveLength(2);
    clock.advance(1);
    tick();
    expect(page.take()).toMatchObject([{ kind: 'state', error: null }]);
  });

  it('keeps no more than the history that the contract promises', () => {
    const { running, open, tick } = setUp();
    running.start('a', 'run-1');
    for (let second = 0; second < telemetryHistorySeconds + 50; second += 1) tick();
    const [state] = open().take();
    expect(state?.kind === 'state' && state.history.length).toBe(telemetryHistorySeconds);
  });

  it('leaves no stream, listener or timer behind when it is disposed, also twice', () => {
    const { clock, running, streams, service, open, tick } = setUp();
    running.start('a', 'run-1');
    tick();
    const page = open();
    streams[0]?.handlers.onEnd(null);
    service.dispose();
    service.dispose();
    clock.advance(60_000);
    expect([openStreams(streams.slice(1)), running.listeners, clock.waiting, page.ended]).toEqual([
      0,
      0,
      0,
      true,
    ]);
  });
});
