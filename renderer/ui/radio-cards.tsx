import { RadioGroup as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import styles from './radio-cards.module.css';

export interface RadioCard<Value extends string> {
  readonly value: Value;
  readonly title: string;
  readonly description?: ReactNode;
  readonly icon?: ReactNode;
  readonly disabled?: boolean;
}

export interface RadioCardsProps<Value extends string> {
  readonly label: string;
  /** Null: nothing chosen yet. */
  readonly value: Value | null;
  readonly onValueChange: (value: Value) => void;
  readonly cards: readonly RadioCard<Value>[];
}

/** One choice of a few that each need a sentence. */
export function RadioCards<Value extends string>({
  label,
  value,
  onValueChange,
  cards,
}: RadioCardsProps<Value>) {
  const choose = (chosen: string) => {
    const card = cards.find((candidate) => candidate.value === chosen);
    if (card) onValueChange(card.value);
  };
  return (
    <Radix.Root className={styles.cards} aria-label={label} value={value ?? ''} onValueChange={choose}>
      {cards.map((card) => (
        <Radix.Item key={card.value} className={styles.card} value={card.value} disabled={card.disabled}>
          <span className={styles.circle}>
            <Radix.Indicator className={styles.indicator} />
          </span>
          <span className={styles.texts}>
            <span className={styles.title}>
              {card.icon}
              {card.title}
            </span>
            {card.description && <span className={styles.description}>{card.description}</span>}
          </span>
        </Radix.Item>
      ))}
    </Radix.Root>
  );
}
