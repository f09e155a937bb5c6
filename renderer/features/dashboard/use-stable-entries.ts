import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import type { LogEntry, LogFeed } from './log-feed';

export interface StableEntries {
  readonly shown: readonly LogEntry[];
  /** Lines that came since the list stands still. */
  readonly waiting: number;
}

/**
 * The log's entries; while the person reads further up they stand still, so that nothing moves under the eyes
 * and nothing that is being read is dropped.
 */
export function useStableEntries(feed: LogFeed, following: boolean): StableEntries {
  useStore(feed.state, (state) => state.version);
  const [held, setHeld] = useState<readonly LogEntry[] | null>(null);

  useEffect(() => {
    setHeld(following ? null : feed.entries);
  }, [feed, following]);

  const live = feed.entries;
  if (following || !held || held.length === 0) return { shown: live, waiting: 0 };
  const lastKey = held.at(-1)?.key;
  const lastAt = live.findLastIndex((entry) => entry.key === lastKey);
  return { shown: held, waiting: live.length - 1 - lastAt };
}
