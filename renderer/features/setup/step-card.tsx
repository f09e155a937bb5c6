import { Check, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { classNames } from '../../lib/class-names';
import { VisuallyHidden } from '../../ui';
import type { SetupStepState } from './setup-progress';
import styles from './step-card.module.css';

const stateNames: Record<SetupStepState, string> = {
  waiting: 'not yet',
  current: 'now',
  done: 'done',
  failed: 'failed',
};

export interface StepCardProps {
  readonly number: number;
  readonly title: string;
  readonly state: SetupStepState;
  /** What came out of it or what it waits for, in one line. */
  readonly summary?: ReactNode;
  /** Small things at the end of the title line. */
  readonly aside?: ReactNode;
  readonly children?: ReactNode;
}

export function StepCard({ number, title, state, summary, aside, children }: StepCardProps) {
  return (
    <li
      className={classNames(styles.step, styles[state])}
      aria-current={state === 'current' ? 'step' : undefined}
    >
      <span className={styles.marker} aria-hidden>
        {state === 'done' ? <Check size={14} /> : state === 'failed' ? <X size={14} /> : number}
      </span>
      <div className={styles.card}>
        <div className={styles.head}>
          <div className={styles.titles}>
            <h2 className={styles.title}>
              {title}
              <VisuallyHidden>, {stateNames[state]}</VisuallyHidden>
            </h2>
            {summary && <div className={styles.summary}>{summary}</div>}
          </div>
          {aside}
        </div>
        {children && <div className={styles.body}>{children}</div>}
      </div>
    </li>
  );
}
