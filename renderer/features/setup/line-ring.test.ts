import { describe, expect, it, vi } from 'vitest';
import { createLineRing, maxLineLength } from './line-ring';

/** A ring whose animation frames come when the test says so. */
function ringWithFrames(maxLines: number) {
  const frames: (() => void)[] = [];
  const ring = createLineRing(
    maxLines,
    (flush) => frames.push(flush),
    (handle) => frames.splice(handle - 1, 1),
  );
  return { ring, frame: () => frames.splice(0).forEach((flush) => flush()), frames };
}

describe('the ring of log lines', () => {
  it('tells its views once per frame however many pieces came', () => {
    const { ring, frame } = ringWithFrames(10);
    const listener = vi.fn();
    ring.subscribe(listener);
    ring.append(['one']);
    ring.append(['two', 'three']);
    expect(listener).not.toHaveBeenCalled();
    frame();
    expect(listener).toHaveBeenCalledTimes(1);
    expect(ring.lines()).toEqual(['one', 'two', 'three']);
  });

  it('lets the oldest lines go and counts them', () => {
    const { ring, frame } = ringWithFrames(3);
    ring.append(['1', '2', '3', '4', '5']);
    frame();
    expect(ring.lines()).toEqual(['3', '4', '5']);
    expect(ring.dropped()).toBe(2);
  });

  it('stays small while no frame comes', () => {
    const { ring, frame } = ringWithFrames(3);
    for (let index = 0; index < 100; index += 1) ring.append([String(index)]);
    frame();
    expect(ring.lines()).toEqual(['97', '98', '99']);
    expect(ring.dropped()).toBe(97);
  });

  it('forgets what was waiting when a snapshot replaces it', () => {
    const { ring, frame, frames } = ringWithFrames(3);
    ring.append(['stale']);
    ring.replace(['fresh']);
    expect(frames).toEqual([]);
    frame();
    expect(ring.lines()).toEqual(['fresh']);
  });

  it('cuts a line nobody could read', () => {
    const { ring, frame } = ringWithFrames(3);
    ring.append(['x'.repeat(1_000_000)]);
    frame();
    expect(ring.lines()[0]?.length).toBeLessThan(maxLineLength + 50);
    expect(ring.lines()[0]).toContain('(1000000 characters)');
  });
});
