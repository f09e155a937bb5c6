import { memo, type ReactNode } from 'react';
import { classNames } from '../../lib/class-names';
import { parseLogText, type TextRun } from './ansi';
import { formatClockOfDay } from './clock-of-day';
import type { LogEntry } from './log-feed';
import { findRanges, type TextRange } from './log-search';
import styles from './log-view.module.css';

/** One line: time, a mark for the error stream, and its text with colours and matches. */
export const LogRow = memo(function LogRow({
  entry,
  query,
}: {
  readonly entry: LogEntry;
  readonly query: string;
}) {
  if (entry.kind === 'gap') return <div className={styles.gap}>{entry.text}</div>;
  const { line } = entry;
  return (
    <div className={classNames(styles.line, line.source === 'stderr' && styles.stderr)}>
      <span className={styles.time}>{line.timeMs === null ? '' : formatClockOfDay(line.timeMs / 1000)}</span>
      <span className={styles.source} title={line.source}>
        {line.source === 'stderr' ? 'err' : ''}
      </span>
      <span className={styles.text}>{renderText(line.text, findRanges(entry.plainText, query))}</span>
    </div>
  );
});

function renderText(text: string, ranges: readonly TextRange[]): ReactNode[] {
  const pieces: ReactNode[] = [];
  let offset = 0;
  for (const run of parseLogText(text)) {
    for (const part of splitByRanges(run.text, offset, ranges)) {
      const content = part.matches ? <mark className={styles.match}>{part.text}</mark> : part.text;
      pieces.push(
        <span key={pieces.length} style={runStyle(run)}>
          {content}
        </span>,
      );
    }
    offset += run.text.length;
  }
  return pieces;
}

function splitByRanges(text: string, offset: number, ranges: readonly TextRange[]) {
  const parts: { text: string; matches: boolean }[] = [];
  let done = 0;
  for (const range of ranges) {
    const start = Math.max(0, range.start - offset);
    const end = Math.min(text.length, range.end - offset);
    if (end <= done || start >= text.length) continue;
    if (start > done) parts.push({ text: text.slice(done, start), matches: false });
    parts.push({ text: text.slice(Math.max(start, done), end), matches: true });
    done = end;
  }
  if (done < text.length) parts.push({ text: text.slice(done), matches: false });
  return parts;
}

function runStyle(run: TextRun) {
  if (!run.colour && !run.bold && !run.faint) return undefined;
  return {
    color: run.colour ? `var(--terminal-${run.colour})` : undefined,
    fontWeight: run.bold ? 600 : undefined,
    opacity: run.faint ? 0.7 : undefined,
  };
}
