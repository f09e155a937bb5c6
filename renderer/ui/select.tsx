import { ChevronDown } from 'lucide-react';
import { classNames } from '../lib/class-names';
import { Field, type FieldTexts } from './field';
import styles from './field.module.css';

export interface SelectOption<Value extends string> {
  readonly value: Value;
  readonly label: string;
  readonly disabled?: boolean;
}

export interface SelectProps<Value extends string> extends FieldTexts {
  /** Null shows `placeholder`. */
  readonly value: Value | null;
  readonly onValueChange: (value: Value) => void;
  readonly options: readonly SelectOption<Value>[];
  readonly placeholder?: string;
  readonly size?: 'small' | 'medium';
  readonly disabled?: boolean;
  readonly className?: string;
}

/** A native select: typing ahead, long lists and assistive technology work as everywhere. */
export function Select<Value extends string>({
  label,
  hideLabel,
  description,
  error,
  mark,
  value,
  onValueChange,
  options,
  placeholder = 'Choose…',
  size = 'medium',
  disabled,
  className,
}: SelectProps<Value>) {
  const choose = (chosen: string) => {
    const option = options.find((candidate) => candidate.value === chosen);
    if (option) onValueChange(option.value);
  };
  const known = value !== null && options.some((option) => option.value === value);
  return (
    <Field {...{ label, hideLabel, description, error, mark, className }}>
      {(control) => (
        <div className={styles.selectBox}>
          <select
            {...control}
            className={classNames(styles.input, styles.select, size === 'small' && styles.small)}
            value={known ? value : ''}
            disabled={disabled}
            onChange={(event) => choose(event.currentTarget.value)}
          >
            {!known && (
              <option value="" disabled>
                {placeholder}
              </option>
            )}
            {options.map((option) => (
              <option key={option.value} value={option.value} disabled={option.disabled}>
                {option.label}
              </option>
            ))}
          </select>
          <ChevronDown className={styles.chevron} size={14} aria-hidden />
        </div>
      )}
    </Field>
  );
}
