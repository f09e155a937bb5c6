import type { ReactNode } from 'react';
import { useId } from 'react';
import { classNames } from '../lib/class-names';
import { VisuallyHidden } from './visually-hidden';
import styles from './field.module.css';

export interface FieldTexts {
  readonly label: string;
  /** Keeps the label for screen readers only. */
  readonly hideLabel?: boolean;
  readonly description?: ReactNode;
  /** Why the value cannot be taken; also marks the control as invalid. */
  readonly error?: string | null;
  /** Something small beside the label, such as a badge. */
  readonly mark?: ReactNode;
}

export interface FieldControlProps {
  readonly id: string;
  readonly 'aria-describedby': string | undefined;
  readonly 'aria-invalid': boolean | undefined;
}

/** Label, control, description and error, tied together for assistive technology. */
export function Field({
  label,
  hideLabel,
  description,
  error,
  mark,
  className,
  children,
}: FieldTexts & {
  readonly className?: string;
  readonly children: (control: FieldControlProps) => ReactNode;
}) {
  const id = useId();
  const descriptionId = description ? `${id}-description` : null;
  const errorId = error ? `${id}-error` : null;
  const labelElement = (
    <label className={styles.label} htmlFor={id}>
      {label}
    </label>
  );
  return (
    <div className={classNames(styles.field, className)}>
      {hideLabel ? (
        <VisuallyHidden>{labelElement}</VisuallyHidden>
      ) : (
        <div className={styles.labelRow}>
          {labelElement}
          {mark}
        </div>
      )}
      {children({
        id,
        'aria-describedby': [descriptionId, errorId].filter(Boolean).join(' ') || undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {error && (
        <p id={errorId ?? undefined} className={styles.error} role="alert">
          {error}
        </p>
      )}
      {description && (
        <p id={descriptionId ?? undefined} className={styles.description}>
          {description}
        </p>
      )}
    </div>
  );
}
