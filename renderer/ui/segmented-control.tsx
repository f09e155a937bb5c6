import { ToggleGroup as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import styles from './segmented-control.module.css';

export interface SegmentedControlProps<Value extends string> {
  /** Names the group for assistive technology. */
  readonly label: string;
  readonly value: Value;
  readonly onValueChange: (value: Value) => void;
  readonly options: readonly { readonly value: Value; readonly label: string; readonly icon?: ReactNode }[];
}

/** One choice of a few, all visible. */
export function SegmentedControl<Value extends string>({
  label,
  value,
  onValueChange,
  options,
}: SegmentedControlProps<Value>) {
  const choose = (chosen: string) => {
    // Radix reports '' when the pressed item is pressed again; one choice always stands here.
    const option = options.find((candidate) => candidate.value === chosen);
    if (option) onValueChange(option.value);
  };
  return (
    <Radix.Root
      className={styles.group}
      type="single"
      aria-label={label}
      value={value}
      onValueChange={choose}
    >
      {options.map((option) => (
        <Radix.Item key={option.value} className={styles.item} value={option.value}>
          {option.icon}
          {option.label}
        </Radix.Item>
      ))}
    </Radix.Root>
  );
}
