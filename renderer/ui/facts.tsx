import { Fragment, type ReactNode } from 'react';
import styles from './facts.module.css';

export interface FactsProps {
  /** Name and value; a null value is shown as "not reported", never as zero. */
  readonly facts: readonly { readonly name: string; readonly value: ReactNode; readonly mono?: boolean }[];
}

/** A list of names and values. */
export function Facts({ facts }: FactsProps) {
  return (
    <dl className={styles.facts}>
      {facts.map((fact) => (
        <Fragment key={fact.name}>
          <dt className={styles.name}>{fact.name}</dt>
          <dd className={fact.mono ? styles.mono : styles.value}>
            {fact.value ?? <span className={styles.missing}>not reported</span>}
          </dd>
        </Fragment>
      ))}
    </dl>
  );
}
