import styles from './key-hint.module.css';

/** A shortcut as keys: `Ctrl+Shift+P`. */
export function KeyHint({ keys }: { readonly keys: string }) {
  // `Ctrl++` means the plus key itself.
  const parts = keys.split(/\+(?!$)/);
  return (
    <span className={styles.hint}>
      {parts.map((part) => (
        <kbd key={part} className={styles.key}>
          {part}
        </kbd>
      ))}
    </span>
  );
}
