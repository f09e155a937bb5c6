import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import { useLayoutEffect, useRef, useState } from 'react';
import type { ChatMessage } from '../../../electron/contract';
import { Button } from '../../ui';
import styles from './message-list.module.css';
import { MessageView } from './message-view';

/** Closer to the end than this counts as being at the end. */
const endThresholdPixels = 48;
const guessedHeightPixels = 120;

export interface MessageListProps {
  readonly messages: readonly ChatMessage[];
  readonly onRetry: (() => void) | null;
}

/**
 * The messages, only those in sight in the page. The list stays at its end while the answer grows, unless the
 * person has scrolled up.
 */
export function MessageList({ messages, onRetry }: MessageListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const followed = useRef(true);
  const virtualizer = useVirtualizer({
    count: messages.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => guessedHeightPixels,
    getItemKey: (index) => messages[index]?.id ?? index,
    overscan: 4,
    useFlushSync: false,
    paddingStart: 8,
    paddingEnd: 16,
  });
  const totalSize = virtualizer.getTotalSize();

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && followed.current) element.scrollTop = element.scrollHeight;
  }, [messages, totalSize]);

  const noteScroll = () => {
    const element = scroller.current;
    if (!element) return;
    const end = element.scrollHeight - element.scrollTop - element.clientHeight <= endThresholdPixels;
    followed.current = end;
    setAtEnd(end);
  };

  const jump = () => {
    followed.current = true;
    setAtEnd(true);
    const element = scroller.current;
    if (element) element.scrollTop = element.scrollHeight;
  };

  const lastIndex = messages.length - 1;
  return (
    <div className={styles.frame}>
      <div
        className={styles.scroller}
        ref={scroller}
        onScroll={noteScroll}
        tabIndex={0}
        role="log"
        aria-label="Messages"
      >
        <div className={styles.content} style={{ height: totalSize }}>
          {virtualizer.getVirtualItems().map((item) => {
            const message = messages[item.index];
            if (!message) return null;
            return (
              <div
                key={item.key}
                ref={virtualizer.measureElement}
                data-index={item.index}
                className={styles.row}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <MessageView message={message} onRetry={item.index === lastIndex ? onRetry : null} />
              </div>
            );
          })}
        </div>
      </div>
      {!atEnd && (
        <Button className={styles.jump} size="small" icon={<ArrowDown size={13} />} onClick={jump}>
          Jump to latest
        </Button>
      )}
    </div>
  );
}
