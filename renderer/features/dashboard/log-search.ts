import type { LogEntry } from './log-feed';

/** From `start` up to, not including, `end`. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** Where `query` stands in `text`, without regard to case; at most `limit` places. */
export function findRanges(text: string, query: string, limit = 100): TextRange[] {
  if (query === '') return [];
  const ranges: TextRange[] = [];
  const pattern = new RegExp(query.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi');
  for (const match of text.matchAll(pattern)) {
    ranges.push({ start: match.index, end: match.index + match[0].length });
    if (ranges.length >= limit) break;
  }
  return ranges;
}

export interface LogView {
  readonly entries: readonly LogEntry[];
  /** Positions in `entries` of the lines that match. */
  readonly matches: readonly number[];
}

/** The entries to show for a search: all of them with the matches known, or the matches alone. */
export function searchLog(entries: readonly LogEntry[], query: string, onlyMatches: boolean): LogView {
  if (query === '') return { entries, matches: [] };
  const isMatch = (entry: LogEntry) =>
    entry.kind === 'line' && findRanges(entry.plainText, query, 1).length > 0;
  if (onlyMatches) {
    const found = entries.filter(isMatch);
    return { entries: found, matches: found.map((_, index) => index) };
  }
  return { entries, matches: entries.flatMap((entry, index) => (isMatch(entry) ? [index] : [])) };
}
