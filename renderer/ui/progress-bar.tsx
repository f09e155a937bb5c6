import { classNames } from '../lib/class-names';
import styles from './progress-bar.module.css';

export interface ProgressBarProps {
  /** What is progressing. */
  readonly label: string;
  /** 0 to 1; null while nobody knows how much there is. */
  readonly value: number | null;
  /** The progress in words, such as `120 MB of 480 MB`. */
  readonly valueText?: string;
  /** Shows label and words above the bar; else they are for screen readers only. */
  readonly showTexts?: boolean;
  readonly tone?: 'accent' | 'ok' | 'warning' | 'danger';
}

export function ProgressBar({
  label,
  value,
  valueText,
  showTexts = false,
  tone = 'accent',
}: ProgressBarProps) {
  const share = value === null || !Number.isFinite(value) ? null : Math.min(1, Math.max(0, value));
  return (
    <div className={styles.progress}>
      {showTexts && (
        <div className={styles.texts} aria-hidden>
          <span className={styles.label}>{label}</span>
          {valueText && <span className={styles.value}>{valueText}</span>}
        </div>
      )}
      <div
        className={styles.track}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share === null ? undefined : Math.round(share * 100)}
        aria-valuetext={valueText}
      >
        <div
          className={classNames(styles.bar, styles[tone], share === null && styles.indeterminate)}
          style={share === null ? undefined : { transform: `scaleX(${share})` }}
        />
      </div>
    </div>
  );
}
