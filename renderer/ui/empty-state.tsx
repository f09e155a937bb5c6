import type { ReactNode } from 'react';
import styles from './empty-state.module.css';

export interface EmptyStateProps {
  readonly icon?: ReactNode;
  readonly title: string;
  /** Why there is nothing, and what would change that. */
  readonly description?: ReactNode;
  readonly actions?: ReactNode;
  readonly children?: ReactNode;
}

/** Fills a pane that has nothing to show. */
export function EmptyState({ icon, title, description, actions, children }: EmptyStateProps) {
  return (
    <div className={styles.scroller}>
      <div className={styles.empty}>
        {icon && (
          <div className={styles.icon} aria-hidden>
            {icon}
          </div>
        )}
        <h2 className={styles.title}>{title}</h2>
        {description && <div className={styles.description}>{description}</div>}
        {children}
        {actions && <div className={styles.actions}>{actions}</div>}
      </div>
    </div>
  );
}
