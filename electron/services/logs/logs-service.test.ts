import { describe, expect, it } from 'vitest';
import { LmError, type LogChunk } from '../../contract';
import { silentLogger } from '../foundation';
import { FakeRunningContainer } from '../container/running-container.fakes';
import { ManualClock } from '../foundation/manual-clock.fakes';
import { FakeSink } from '../foundation/stream-sink.fakes';
import { LogRing } from './log-ring';
import { LogsService } from './logs-service';
import type { LogFollowHandlers, LogFollowOptions } from './ports';

function setUp(stoppedContainerId: string | null = null) {
  const clock = new ManualClock();
  const running = new FakeRunningContainer();
  const follows: {
    containerId: string;
    options: LogFollowOptions;
    handlers: LogFollowHandlers;
    open: boolean;
  }[] = [];
  const service = new LogsService({
    running,
    clock,
    logger: silentLogger,
    stoppedContainerId: () => stoppedContainerId,
    logs: {
      follow: (containerId, options, handlers) => {
        const follow = { containerId, options, handlers, open: true };
        follows.push(follow);
        return () => (follow.open = false);
      },
    },
  });
  const open = () => {
    const sink = new FakeSink<LogChunk>();
    service.watch(sink);
    return sink;
  };
  let second = 0;
  const write = (...texts: readonly string[]) => {
    second += 1;
    const timestamp = `${String(second).padStart(10, '0')}.000000000`;
    follows.at(-1)?.handlers.onLines(
      texts.map((text) => ({ timestamp, timeMs: second * 1_000, source: 'stdout' as const, text })),
      { timestamp, linesAtTimestamp: texts.length },
    );
  };
  return { clock, running, follows, service, open, write };
}

function texts(chunks: readonly LogChunk[]): string[] {
  return chunks.flatMap((chunk) => (chunk.kind === 'lines' ? chunk.lines.map((line) => line.text) : []));
}

describe('LogsService', () => {
  it('gives a page the lines kept, then those that come, collected for a moment', () => {
    const { clock, running, open, write } = setUp();
    running.start('a', 'run-1');
    write('one', 'two');
    const page = open();
    expect(page.take()).toMatchObject([
      { kind: 'state', error: null },
      {
        kind: 'lines',
        replace: true,
        lines: [
          { sequence: 0, text: 'one' },
          { sequence: 1, text: 'two' },
        ],
      },
    ]);
    write('three');
    write('four');
    expect(page.take()).toEqual([]);
    clock.advance(40);
    expect(page.take()).toMatchObject([
      { kind: 'lines', replace: false, lines: [{ sequence: 2 }, { sequence: 3 }] },
    ]);
  });

  it('continues after a restart of the container from where it was', () => {
    const { running, open, write, follows } = setUp();
    running.start('a', 'run-1');
    write('one');
    running.stop();
    running.start('a', 'run-2');
    expect(follows[1]?.options.after).toEqual({ timestamp: '0000000001.000000000', linesAtTimestamp: 1 });
    expect(follows[0]?.open).toBe(false);
    write('two');
    expect(texts(open().take())).toEqual(['one', 'two']);
  });

  it('keeps what a container says after it was reported as stopped', () => {
    const { clock, running, open, write, follows } = setUp();
    running.start('a', 'run-1');
    const page = open();
    running.stop();
    write('last words');
    follows[0]?.handlers.onEnd(null);
    clock.advance(60_000);
    expect(texts(page.take())).toEqual(['last words']);
    expect(follows).toHaveLength(1);
  });

  it('begins a new log with another container, at every page', () => {
    const { clock, running, open, write } = setUp();
    running.start('a', 'run-1');
    write('old');
    const page = open();
    page.take();
    running.start('b', 'run-2');
    write('new');
    clock.advance(40);
    expect(page.take()).toMatchObject([
      { kind: 'lines', replace: true, lines: [] },
      { kind: 'lines', replace: false, lines: [{ text: 'new' }] },
    ]);
    expect(texts(open().take())).toEqual(['new']);
  });

  it('shows the log of a container that is stopped when a page asks for it', () => {
    const { clock, open, follows, write } = setUp('stopped');
    const page = open();
    expect(follows.map((follow) => follow.containerId)).toEqual(['stopped']);
    write('why it failed');
    follows[0]?.handlers.onEnd(null);
    clock.advance(40);
    expect(page.take()).toMatchObject([
      { kind: 'state', error: { code: 'container_not_running' } },
      { kind: 'lines', replace: true, lines: [] },
      { kind: 'lines', lines: [{ text: 'why it failed' }] },
    ]);
    open();
    expect(follows).toHaveLength(1);
  });

  it('waits for a page that does not keep up, and leaves out no line that is still kept', () => {
    const { clock, running, open, write } = setUp();
    running.start('a', 'run-1');
    const page = open();
    page.fallBehind();
    for (let line = 0; line < 1_000; line += 1) write(`line ${line}`);
    clock.advance(40);
    expect(texts(page.take())).toEqual([]);
    page.catchUp();
    expect(texts(page.take())).toHaveLength(1_000);
  });

  it('follows again with growing pauses when the connection breaks, and says so', () => {
    const { clock, running, open, write, follows } = setUp();
    running.start('a', 'run-1');
    write('one');
    const page = open();
    page.take();
    follows[0]?.handlers.onEnd(new LmError('engine_connection_lost', 'Broke.', { retryable: true }));
    expect(page.take()).toMatchObject([{ kind: 'state', error: { code: 'engine_connection_lost' } }]);
    clock.advance(500);
    expect(follows).toHaveLength(2);
    expect(follows[1]?.options.after?.timestamp).toBe('0000000001.000000000');
    expect(page.take()).toMatchObject([{ kind: 'state', error: null }]);
  });

  it('leaves nothing open when it is disposed', () => {
    const { clock, running, service, open, follows, write } = setUp();
    running.start('a', 'run-1');
    const page = open();
    write('one');
    service.dispose();
    service.dispose();
    expect([follows[0]?.open, running.listeners, clock.waiting, page.ended]).toEqual([false, 0, 0, true]);
  });
});

describe('LogRing', () => {
  const line = (text: string) => ({ timeMs: null, source: 'stdout' as const, text });

  it('is bounded in lines and in characters, and goes on counting', () => {
    const ring = new LogRing(3, 10);
    ring.push(['a', 'b', 'c', 'd'].map(line));
    expect(ring.from(0, { lines: 10, characters: 100 }).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    ring.push([line('123456789')]);
    expect(
      ring.from(0, { lines: 10, characters: 100 }).map(({ sequence, text }) => [sequence, text]),
    ).toEqual([
      [3, 'd'],
      [4, '123456789'],
    ]);
  });

  it('hands out pieces of limited size, and a line that is larger alone', () => {
    const ring = new LogRing(10);
    ring.push(['aaaa', 'bbbb', 'cc'].map(line));
    expect(ring.from(0, { lines: 10, characters: 3 }).map(({ text }) => text)).toEqual(['aaaa']);
    expect(ring.from(1, { lines: 10, characters: 6 }).map(({ text }) => text)).toEqual(['bbbb', 'cc']);
    expect(ring.from(3, { lines: 10, characters: 6 })).toEqual([]);
  });
});
