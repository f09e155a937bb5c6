import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { Button, CopyButton } from '../../ui';
import type { LineRing } from './line-ring';
import styles from './build-log.module.css';

const rowHeight = 18;

/** The build's log: only the lines in view are in the page; it follows the end until one scrolls up. */
export function BuildLog({ log }: { readonly log: LineRing }) {
  const lines = useSyncExternalStore(log.subscribe, log.lines);
  const scroller = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  });

  useEffect(() => {
    if (following && scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [following, lines]);

  const handleScroll = () => {
    const element = scroller.current;
    if (!element) return;
    setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < 2 * rowHeight);
  };

  return (
    <div className={styles.log}>
      <div className={styles.bar}>
        <span className={styles.count}>
          {lines.length.toLocaleString('en-US')} lines
          {log.dropped() > 0 && `, ${log.dropped().toLocaleString('en-US')} older ones not kept`}
        </span>
        {!following && (
          <Button variant="ghost" size="small" onClick={() => setFollowing(true)}>
            Follow
          </Button>
        )}
        <CopyButton text={lines.join('\n')} label="Copy log" />
      </div>
      <div
        className={styles.scroller}
        ref={scroller}
        onScroll={handleScroll}
        tabIndex={0}
        role="log"
        aria-label="Build log"
        aria-live="off"
      >
        {lines.length === 0 && <p className={styles.empty}>Nothing was written yet.</p>}
        <div className={styles.lines} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => (
            <div
              key={item.index}
              className={styles.line}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              {lines[item.index]}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
