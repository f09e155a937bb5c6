import type { ReactNode } from 'react';
import { classNames } from '../lib/class-names';
import { usePaneChrome } from './pane-chrome';
import styles from './panel-header.module.css';

export interface PanelHeaderProps {
  readonly title?: string;
  readonly icon?: ReactNode;
  /** What stands between title and actions: tabs, a badge, a picker. */
  readonly children?: ReactNode;
  /** Icon buttons at the end. */
  readonly actions?: ReactNode;
  /** True for the topmost bar of a pane: the layout's buttons (maximise, hide) are then shown at its end. */
  readonly pane?: boolean;
  readonly className?: string;
}

/** The bar on top of a pane. */
export function PanelHeader({ title, icon, children, actions, pane = false, className }: PanelHeaderProps) {
  const chrome = usePaneChrome();
  return (
    <header className={classNames(styles.header, className)}>
      {icon && (
        <span className={styles.icon} aria-hidden>
          {icon}
        </span>
      )}
      {title && <h2 className={styles.title}>{title}</h2>}
      <div className={styles.middle}>{children}</div>
      {(actions || (pane && chrome)) && (
        <div className={styles.actions}>
          {actions}
          {pane && chrome}
        </div>
      )}
    </header>
  );
}
