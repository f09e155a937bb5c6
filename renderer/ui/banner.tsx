import { AlertTriangle, CheckCircle2, Info, X, XCircle } from 'lucide-react';
import type { ReactNode } from 'react';
import { classNames } from '../lib/class-names';
import { IconButton } from './icon-button';
import styles from './banner.module.css';

export type BannerTone = 'info' | 'ok' | 'warning' | 'danger';

const icons = { info: Info, ok: CheckCircle2, warning: AlertTriangle, danger: XCircle };

export interface BannerProps {
  readonly tone: BannerTone;
  readonly title: ReactNode;
  readonly children?: ReactNode;
  /** Buttons below the text. */
  readonly actions?: ReactNode;
  readonly onDismiss?: () => void;
  readonly className?: string;
}

/** A message that stays where it concerns. Errors and warnings are announced at once. */
export function Banner({ tone, title, children, actions, onDismiss, className }: BannerProps) {
  const Icon = icons[tone];
  return (
    <section
      className={classNames(styles.banner, styles[tone], className)}
      role={tone === 'danger' || tone === 'warning' ? 'alert' : 'status'}
    >
      <Icon className={styles.icon} size={16} aria-hidden />
      <div className={styles.content}>
        <div className={styles.title}>{title}</div>
        {children && <div className={styles.text}>{children}</div>}
        {actions && <div className={styles.actions}>{actions}</div>}
      </div>
      {onDismiss && <IconButton label="Dismiss" icon={<X />} size="small" onClick={onDismiss} />}
    </section>
  );
}
