import type { ComponentPropsWithRef, ReactNode } from 'react';
import { classNames } from '../lib/class-names';
import { Field, type FieldTexts } from './field';
import styles from './field.module.css';

export interface TextFieldProps
  extends FieldTexts, Omit<ComponentPropsWithRef<'input'>, 'size' | 'value' | 'onChange' | 'className'> {
  readonly value: string;
  readonly onValueChange: (value: string) => void;
  readonly size?: 'small' | 'medium';
  /** For names, paths and commands. */
  readonly mono?: boolean;
  /** A unit behind the box. */
  readonly suffix?: ReactNode;
  /** Class of the whole field. */
  readonly className?: string;
}

export function TextField({
  label,
  hideLabel,
  description,
  error,
  mark,
  value,
  onValueChange,
  size = 'medium',
  mono,
  suffix,
  className,
  ...rest
}: TextFieldProps) {
  return (
    <Field {...{ label, hideLabel, description, error, mark, className }}>
      {(control) => {
        const input = (
          <input
            spellCheck={false}
            autoComplete="off"
            {...rest}
            {...control}
            className={classNames(styles.input, size === 'small' && styles.small, mono && styles.mono)}
            value={value}
            onChange={(event) => onValueChange(event.currentTarget.value)}
          />
        );
        if (!suffix) return input;
        return (
          <div className={styles.withSuffix}>
            {input}
            <span className={styles.suffix}>{suffix}</span>
          </div>
        );
      }}
    </Field>
  );
}

export interface TextAreaFieldProps
  extends FieldTexts, Omit<ComponentPropsWithRef<'textarea'>, 'value' | 'onChange' | 'className'> {
  readonly value: string;
  readonly onValueChange: (value: string) => void;
  readonly className?: string;
}

export function TextAreaField({
  label,
  hideLabel,
  description,
  error,
  mark,
  value,
  onValueChange,
  className,
  ...rest
}: TextAreaFieldProps) {
  return (
    <Field {...{ label, hideLabel, description, error, mark, className }}>
      {(control) => (
        <textarea
          {...rest}
          {...control}
          className={classNames(styles.input, styles.area)}
          value={value}
          onChange={(event) => onValueChange(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}
