import type { ReactNode } from 'react';
import { classNames } from '../lib/class-names';
import styles from './panel-header.module.css';

export interface PanelHeaderProps {
  readonly title?: string;
  readonly icon?: ReactNode;
  /** What stands between title and actions: tabs, a badge, a picker. */
  readonly children?: ReactNode;
  /** Icon buttons at the end. */
  readonly actions?: ReactNode;
  readonly className?: string;
}

/** The bar on top of a pane. */
export function PanelHeader({ title, icon, children, actions, className }: PanelHeaderProps) {
  return (
    <header className={classNames(styles.header, className)}>
      {icon && (
        <span className={styles.icon} aria-hidden>
          {icon}
        </span>
      )}
      {title && <h2 className={styles.title}>{title}</h2>}
      <div className={styles.middle}>{children}</div>
      {actions && <div className={styles.actions}>{actions}</div>}
    </header>
  );
}
