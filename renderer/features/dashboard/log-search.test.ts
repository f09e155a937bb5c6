import { describe, expect, it } from 'vitest';
import type { LogEntry } from './log-feed';
import { findRanges, searchLog } from './log-search';

function entry(sequence: number, plainText: string): LogEntry {
  return {
    kind: 'line',
    key: `line-${sequence}`,
    line: { sequence, timeMs: null, source: 'stdout', text: plainText },
    plainText,
  };
}

describe('searching the log', () => {
  it('finds every place without regard to case, and takes the query literally', () => {
    expect(findRanges('Error: an error.', 'error')).toEqual([
      { start: 0, end: 5 },
      { start: 10, end: 15 },
    ]);
    expect(findRanges('a.b axb', 'a.b')).toEqual([{ start: 0, end: 3 }]);
    expect(findRanges('anything', '')).toEqual([]);
  });

  it('shows all lines with the matches known, or the matches alone', () => {
    const gap: LogEntry = { kind: 'gap', key: 'gap-1', text: '5 lines left out' };
    const entries = [entry(0, 'one'), gap, entry(6, 'two'), entry(7, 'one more')];
    expect(searchLog(entries, 'one', false)).toEqual({ entries, matches: [0, 3] });
    expect(searchLog(entries, 'one', true)).toEqual({ entries: [entries[0], entries[3]], matches: [0, 1] });
    expect(searchLog(entries, '', true)).toEqual({ entries, matches: [] });
  });
});
