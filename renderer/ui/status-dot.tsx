import { classNames } from '../lib/class-names';
import type { Tone } from './tone';
import styles from './status-dot.module.css';

export interface StatusDotProps {
  readonly tone: Tone;
  /** Breathes while something is under way. */
  readonly pulsing?: boolean;
  /** What the dot means; leave out when the same words stand beside it. */
  readonly label?: string;
}

export function StatusDot({ tone, pulsing = false, label }: StatusDotProps) {
  return (
    <span
      className={classNames(styles.dot, styles[tone], pulsing && styles.pulsing)}
      role={label ? 'img' : undefined}
      aria-label={label}
      title={label}
      aria-hidden={label ? undefined : true}
    />
  );
}
