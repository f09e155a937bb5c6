import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TextGatherer } from './text-gatherer';

beforeEach(
  () => void vi.useFakeTimers({ now: 1_000, toFake: ['setTimeout', 'clearTimeout', 'performance'] }),
);
afterEach(() => void vi.useRealTimers());

test('The first piece goes at once, those within a frame go together', () => {
  vi.advanceTimersByTime(100);
  const sent: string[] = [];
  const gatherer = new TextGatherer((kind, text) => sent.push(`${kind}:${text}`));
  gatherer.add('content', 'a');
  gatherer.add('content', 'b');
  gatherer.add('content', 'c');
  expect(sent).toEqual(['content:a']);
  vi.advanceTimersByTime(16);
  expect(sent).toEqual(['content:a', 'content:bc']);
});

test('Thinking and content are never mixed, and a flush leaves nothing behind', () => {
  vi.advanceTimersByTime(100);
  const sent: string[] = [];
  const gatherer = new TextGatherer((kind, text) => sent.push(`${kind}:${text}`));
  gatherer.add('thinking', 'a');
  gatherer.add('thinking', 'b');
  gatherer.add('content', 'c');
  gatherer.flush();
  vi.advanceTimersByTime(100);
  expect(sent).toEqual(['thinking:a', 'thinking:b', 'content:c']);
});
