import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ChevronDown, ChevronUp, Copy, ListFilter, WrapText } from 'lucide-react';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { useStore } from 'zustand';
import { classNames } from '../../lib/class-names';
import { formatCount } from '../../lib/format';
import { Button, ErrorBanner, IconButton, TextField, useNotify } from '../../ui';
import type { LogEntry, LogFeed } from './log-feed';
import { LogRow } from './log-row';
import { searchLog } from './log-search';
import { useStableEntries } from './use-stable-entries';
import styles from './log-view.module.css';

const rowHeightPixels = 18;
/** Nearer to the end than this counts as being there. */
const endTolerancePixels = 4;

/** The container's log: follows its end until the person scrolls up, searches, copies. */
export function LogView({ feed }: { readonly feed: LogFeed }) {
  const { ready, error } = useStore(feed.state);
  const [query, setQuery] = useState('');
  const [onlyMatches, setOnlyMatches] = useState(false);
  const [wrapped, setWrapped] = useState(false);
  const [following, setFollowing] = useState(true);
  const [current, setCurrent] = useState<number | null>(null);
  const notify = useNotify();
  const scroller = useRef<HTMLDivElement>(null);

  const entries = useStableEntries(feed, following);
  const view = useMemo(
    () => searchLog(entries.shown, query, onlyMatches),
    [entries.shown, query, onlyMatches],
  );

  const virtualizer = useVirtualizer({
    count: view.entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeightPixels,
    getItemKey: (index) => view.entries[index]?.key ?? index,
    overscan: 12,
  });

  useEffect(() => virtualizer.measure(), [wrapped, virtualizer]);

  useEffect(() => {
    if (following && view.entries.length > 0)
      virtualizer.scrollToIndex(view.entries.length - 1, { align: 'end' });
  }, [following, view.entries, wrapped, virtualizer]);

  const lastTop = useRef(0);
  const onScroll = () => {
    const element = scroller.current;
    if (!element) return;
    const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (distance <= endTolerancePixels) setFollowing(true);
    // Only a person scrolls up; following the end scrolls down.
    else if (element.scrollTop < lastTop.current) setFollowing(false);
    lastTop.current = element.scrollTop;
  };

  const pause = () => setFollowing(false);

  const goToMatch = (step: 1 | -1) => {
    const { matches } = view;
    if (matches.length === 0) return;
    const from = current ?? (step > 0 ? -1 : matches.length);
    const next = (from + step + matches.length) % matches.length;
    setCurrent(next);
    pause();
    virtualizer.scrollToIndex(matches[next] ?? 0, { align: 'center' });
  };

  const onSearchKey = (event: KeyboardEvent) => {
    if (event.key === 'Enter') goToMatch(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape' && query !== '') setQuery('');
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const onListKey = (event: KeyboardEvent) => {
    if (['ArrowUp', 'PageUp', 'Home'].includes(event.key)) pause();
    if (event.key === 'End') setFollowing(true);
  };

  const copy = () => {
    const { length } = view.entries;
    navigator.clipboard.writeText(copyText(view.entries)).then(
      () => notify({ tone: 'ok', title: `Copied ${formatCount(length)} ${length === 1 ? 'line' : 'lines'}` }),
      () => notify({ tone: 'warning', title: 'The clipboard refused the text' }),
    );
  };

  const search = (text: string) => {
    setQuery(text);
    setCurrent(null);
  };
  const currentIndex = current === null ? null : (view.matches[current] ?? null);

  return (
    <div className={styles.log}>
      <div className={styles.tools}>
        <TextField
          className={styles.search}
          label="Search the log"
          hideLabel
          size="small"
          type="search"
          placeholder="Search the log"
          value={query}
          onValueChange={search}
          onKeyDown={onSearchKey}
        />
        {query !== '' && (
          <>
            <span className={styles.matches} role="status">
              {describeMatches(view.matches.length, current)}
            </span>
            <IconButton
              size="small"
              label="Previous match"
              shortcut="Shift+Enter"
              icon={<ChevronUp />}
              onClick={() => goToMatch(-1)}
            />
            <IconButton
              size="small"
              label="Next match"
              shortcut="Enter"
              icon={<ChevronDown />}
              onClick={() => goToMatch(1)}
            />
          </>
        )}
        <IconButton
          size="small"
          label="Only matching lines"
          icon={<ListFilter />}
          pressed={onlyMatches}
          onClick={() => setOnlyMatches(!onlyMatches)}
        />
        <IconButton
          size="small"
          label="Wrap long lines"
          icon={<WrapText />}
          pressed={wrapped}
          onClick={() => setWrapped(!wrapped)}
        />
        <IconButton
          size="small"
          label={query !== '' && onlyMatches ? 'Copy matching lines' : 'Copy log'}
          icon={<Copy />}
          onClick={copy}
        />
      </div>
      {error && <LogState error={error} />}
      <div
        className={classNames(styles.scroller, wrapped && styles.wrapped)}
        ref={scroller}
        role="log"
        aria-label="Container log"
        aria-live="off"
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onListKey}
      >
        <div className={styles.space} style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map((item) => {
            const entry = view.entries[item.index];
            if (!entry) return null;
            return (
              <div
                className={classNames(styles.row, item.index === currentIndex && styles.current)}
                key={item.key}
                ref={wrapped ? virtualizer.measureElement : undefined}
                data-index={item.index}
                style={{
                  transform: `translateY(${item.start}px)`,
                  height: wrapped ? undefined : rowHeightPixels,
                }}
              >
                <LogRow entry={entry} query={query} />
              </div>
            );
          })}
        </div>
        {view.entries.length === 0 && (
          <p className={styles.empty}>{describeEmpty(ready, query, onlyMatches)}</p>
        )}
      </div>
      {!following && (
        <div className={styles.resume}>
          <Button size="small" icon={<ArrowDown size={13} />} onClick={() => setFollowing(true)}>
            {entries.waiting > 0
              ? `${formatCount(entries.waiting)} new ${entries.waiting === 1 ? 'line' : 'lines'}, follow`
              : 'Follow'}
          </Button>
        </div>
      )}
    </div>
  );
}

function LogState({ error }: { readonly error: Parameters<typeof ErrorBanner>[0]['error'] }) {
  if (error.code === 'container_not_running' || error.code === 'container_missing') {
    return <p className={styles.state}>{error.message} These are its last lines.</p>;
  }
  return <ErrorBanner className={styles.banner} error={error} tone="warning" />;
}

function describeMatches(count: number, current: number | null): string {
  if (count === 0) return 'no match';
  const lines = `${formatCount(count)} ${count === 1 ? 'line' : 'lines'}`;
  return current === null ? lines : `${formatCount(current + 1)} of ${lines}`;
}

function describeEmpty(ready: boolean, query: string, onlyMatches: boolean): string {
  if (!ready) return 'Reading the log…';
  return query !== '' && onlyMatches ? 'No line matches.' : 'Nothing was logged yet.';
}

function copyText(entries: readonly LogEntry[]): string {
  return entries.map((entry) => (entry.kind === 'line' ? entry.plainText : `[${entry.text}]`)).join('\n');
}
