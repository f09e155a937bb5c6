import { X } from 'lucide-react';
import { useLayoutEffect, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { classNames } from '../lib/class-names';
import styles from './tab-strip.module.css';

export interface StripTab {
  readonly id: string;
  readonly title: string;
  /** Before the title: an icon or a status dot. */
  readonly mark?: ReactNode;
  /** After the title, such as an exit code. */
  readonly badge?: ReactNode;
}

export interface TabStripProps {
  readonly label: string;
  readonly tabs: readonly StripTab[];
  readonly activeId: string | null;
  readonly onSelect: (id: string) => void;
  /** Middle click, the cross, and Delete on a focused tab. */
  readonly onClose?: (id: string) => void;
  /** The `aria-controls` of each tab. */
  readonly panelId?: (id: string) => string;
}

/**
 * Tabs that come and go, as over terminals. The strip has one stop for Tab; arrows, Home and End move and select.
 */
export function TabStrip({ label, tabs, activeId, onSelect, onClose, panelId }: TabStripProps) {
  const buttons = useRef(new Map<string, HTMLElement>());
  const strip = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const scroller = strip.current;
    const tab = activeId === null ? undefined : buttons.current.get(activeId);
    if (!scroller || !tab) return;
    const { scrollLeft, clientWidth } = scroller;
    const [start, end] = [tab.offsetLeft, tab.offsetLeft + tab.offsetWidth];
    if (start < scrollLeft || end > scrollLeft + clientWidth) scroller.scrollLeft = end - clientWidth;
  }, [activeId, tabs.length]);

  const moveTo = (index: number) => {
    const tab = tabs.at(index % tabs.length);
    if (!tab) return;
    onSelect(tab.id);
    buttons.current.get(tab.id)?.focus();
  };

  const handleKey = (event: KeyboardEvent, index: number, id: string) => {
    const moves: Record<string, () => void> = {
      ArrowRight: () => moveTo(index + 1),
      ArrowLeft: () => moveTo(index - 1),
      Home: () => moveTo(0),
      End: () => moveTo(-1),
      Enter: () => onSelect(id),
      ' ': () => onSelect(id),
      ...(onClose ? { Delete: () => onClose(id) } : {}),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  };

  return (
    <div ref={strip} className={styles.strip} role="tablist" aria-label={label}>
      {tabs.map((tab, index) => (
        // A div, since a button may not hold the close button; the close button is out of the tab order
        // and hidden from assistive technology, where Delete does its work.
        <div
          key={tab.id}
          ref={(element) => {
            if (!element) return;
            buttons.current.set(tab.id, element);
            return () => {
              buttons.current.delete(tab.id);
            };
          }}
          className={classNames(styles.tab, tab.id === activeId && styles.active)}
          role="tab"
          aria-selected={tab.id === activeId}
          aria-controls={panelId?.(tab.id)}
          aria-keyshortcuts={onClose ? 'Delete' : undefined}
          tabIndex={tab.id === activeId || (activeId === null && index === 0) ? 0 : -1}
          title={tab.title}
          onMouseDown={(event) => {
            if (event.button === 0) onSelect(tab.id);
            // Middle click would start Chromium's autoscroll.
            if (event.button === 1) event.preventDefault();
          }}
          onAuxClick={(event) => {
            if (event.button === 1) onClose?.(tab.id);
          }}
          onKeyDown={(event) => handleKey(event, index, tab.id)}
        >
          {tab.mark}
          <span className={styles.title}>{tab.title}</span>
          {tab.badge}
          {onClose && (
            <button
              type="button"
              className={styles.close}
              tabIndex={-1}
              aria-hidden
              title={`Close ${tab.title}`}
              onMouseDown={(event) => event.stopPropagation()}
              onClick={() => onClose(tab.id)}
            >
              <X size={12} />
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
