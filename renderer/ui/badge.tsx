import type { ReactNode } from 'react';
import { classNames } from '../lib/class-names';
import type { Tone } from './tone';
import styles from './badge.module.css';

export interface BadgeProps {
  readonly tone?: Tone;
  readonly icon?: ReactNode;
  readonly title?: string;
  readonly children: ReactNode;
}

/** A short word about the thing it stands beside. */
export function Badge({ tone = 'neutral', icon, title, children }: BadgeProps) {
  return (
    <span className={classNames(styles.badge, styles[tone])} title={title}>
      {icon}
      {children}
    </span>
  );
}
