import type { ReactNode } from 'react';
import styles from './charts.module.css';

/** A quiet line where there is nothing to show, for reasons that are no fault. */
export function NothingYet({ children }: { readonly children: ReactNode }) {
  return <p className={styles.nothing}>{children}</p>;
}
