import { AlertTriangle, CheckCircle2, Info, X, XCircle } from 'lucide-react';
import { Toast as Radix } from 'radix-ui';
import { createContext, useCallback, useContext, useRef, useState, type ReactNode } from 'react';
import { classNames } from '../lib/class-names';
import { Button } from './button';
import { IconButton } from './icon-button';
import styles from './notices.module.css';

const shownForMs = 6_000;
const maxNotices = 4;
const icons = { info: Info, ok: CheckCircle2, warning: AlertTriangle, danger: XCircle };

export interface Notice {
  readonly tone: 'info' | 'ok' | 'warning' | 'danger';
  readonly title: string;
  readonly description?: string;
  readonly action?: { readonly label: string; readonly run: () => void };
}

export type Notify = (notice: Notice) => void;

const NotifyContext = createContext<Notify | null>(null);

/** Shows something that happened elsewhere or later. What concerns one view belongs into a Banner there. */
export function useNotify(): Notify {
  const notify = useContext(NotifyContext);
  if (!notify) throw new Error('useNotify needs a NoticeProvider above it.');
  return notify;
}

/** Holds the corner in which notices appear: F8 moves there, Escape dismisses, errors stay until dismissed. */
export function NoticeProvider({ children }: { readonly children: ReactNode }) {
  const [notices, setNotices] = useState<readonly (Notice & { readonly id: number })[]>([]);
  const nextId = useRef(1);
  const notify = useCallback<Notify>((notice) => {
    const id = nextId.current++;
    setNotices((current) => [...current, { ...notice, id }].slice(-maxNotices));
  }, []);
  const remove = useCallback(
    (id: number) => setNotices((current) => current.filter((notice) => notice.id !== id)),
    [],
  );

  return (
    <NotifyContext.Provider value={notify}>
      <Radix.Provider label="Notice" swipeDirection="right">
        {children}
        {notices.map((notice) => (
          <NoticeCard key={notice.id} notice={notice} onClose={() => remove(notice.id)} />
        ))}
        <Radix.Viewport className={styles.viewport} label="Notices ({hotkey})" />
      </Radix.Provider>
    </NotifyContext.Provider>
  );
}

function NoticeCard({ notice, onClose }: { readonly notice: Notice; readonly onClose: () => void }) {
  const Icon = icons[notice.tone];
  const { action } = notice;
  return (
    <Radix.Root
      className={styles.notice}
      type={notice.tone === 'danger' ? 'foreground' : 'background'}
      duration={notice.tone === 'danger' ? Infinity : shownForMs}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      <Icon className={classNames(styles.icon, styles[notice.tone])} size={16} aria-hidden />
      <div className={styles.texts}>
        <Radix.Title className={styles.title}>{notice.title}</Radix.Title>
        {notice.description && (
          <Radix.Description className={styles.description}>{notice.description}</Radix.Description>
        )}
        {action && (
          <Radix.Action asChild altText={action.label}>
            <Button size="small" className={styles.action} onClick={action.run}>
              {action.label}
            </Button>
          </Radix.Action>
        )}
      </div>
      <Radix.Close asChild>
        <IconButton label="Dismiss" icon={<X />} size="small" />
      </Radix.Close>
    </Radix.Root>
  );
}
