import type { ReactNode } from 'react';
import styles from './visually-hidden.module.css';

/** For screen readers only. `role="status"` announces changes. */
export function VisuallyHidden({
  role,
  children,
}: {
  readonly role?: 'status';
  readonly children: ReactNode;
}) {
  return (
    <span className={styles.hidden} role={role}>
      {children}
    </span>
  );
}
