import type { ReactNode } from 'react';
import type { ErrorData } from '../../../electron/contract';
import styles from './charts.module.css';

/** A quiet line where there is nothing to show, for reasons that are no fault. */
export function NothingYet({ children }: { readonly children: ReactNode }) {
  return <p className={styles.nothing}>{children}</p>;
}

/** What is no fault (nothing runs), or is the engine's own, which the engine's section tells with its repair. */
export function isAtRest({ code }: ErrorData): boolean {
  return (
    code === 'container_not_running' ||
    code === 'container_missing' ||
    code === 'sandbox_not_running' ||
    code.startsWith('engine_')
  );
}
