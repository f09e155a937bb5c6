import { describe, expect, it, vi } from 'vitest';
import type { LogLine } from '../../../electron/contract';
import { FakeHostClient } from '../../client/fake-host-client';
import { LogFeed } from './log-feed';

function line(sequence: number): LogLine {
  return { sequence, timeMs: null, source: 'stdout', text: `line ${sequence}` };
}

async function openFeed(capacity?: number) {
  const host = new FakeHostClient();
  const feed = new LogFeed(capacity);
  const close = feed.open(host);
  await Promise.resolve();
  const [stream] = host.streams('logs.watch');
  if (!stream) throw new Error('The feed opened no stream.');
  return { host, feed, close, stream };
}

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

describe('LogFeed', () => {
  it('announces what came between two frames once, and consumes it then', async () => {
    const { feed, stream } = await openFeed();
    const announced = vi.fn();
    feed.state.subscribe(announced);
    stream.push({ kind: 'lines', replace: true, lines: [line(0)] });
    stream.push({ kind: 'lines', replace: false, lines: [line(1), line(2)] });
    expect([announced.mock.calls.length, stream.unconsumed]).toEqual([0, 2]);
    await nextFrame();
    expect([announced.mock.calls.length, stream.unconsumed]).toEqual([1, 0]);
    expect(feed.entries.map((entry) => entry.key)).toEqual(['line-0', 'line-1', 'line-2']);
  });

  it('marks lines that did not arrive with their number', async () => {
    const { feed, stream } = await openFeed();
    stream.push({ kind: 'lines', replace: true, lines: [line(10)] });
    stream.push({ kind: 'gap', droppedChunks: 3 });
    stream.push({ kind: 'lines', replace: false, lines: [line(1_511)] });
    expect(feed.entries.map((entry) => (entry.kind === 'gap' ? entry.text : entry.plainText))).toEqual([
      'line 10',
      '1,500 lines left out: they came faster than they could be shown',
      'line 1511',
    ]);
  });

  it('begins anew with the log of another container, without a mark', async () => {
    const { feed, stream } = await openFeed();
    stream.push({ kind: 'lines', replace: true, lines: [line(0), line(1)] });
    stream.push({ kind: 'lines', replace: true, lines: [line(90)] });
    expect(feed.entries.map((entry) => entry.key)).toEqual(['line-90']);
  });

  it('keeps the newest lines only', async () => {
    const { feed, stream } = await openFeed(3);
    stream.push({ kind: 'lines', replace: true, lines: [0, 1, 2, 3, 4].map(line) });
    expect(feed.entries.map((entry) => entry.key)).toEqual(['line-2', 'line-3', 'line-4']);
  });

  it('holds no stream after it was closed', async () => {
    const { host, close } = await openFeed();
    close();
    expect(host.heldCount).toBe(0);
  });
});
