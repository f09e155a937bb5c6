import { CopyButton } from '../../../ui';
import styles from './markdown.module.css';

/** Code as it came, with its language and a way to copy it. */
export function CodeBlock({ text, language }: { readonly text: string; readonly language: string }) {
  return (
    <figure className={styles.code}>
      <figcaption className={styles.codeHeader}>
        <span>{language || 'text'}</span>
        <CopyButton text={text} label="Copy code" />
      </figcaption>
      {/* Focusable, so that a wide line can be scrolled to by keyboard. */}
      <pre className={styles.codeText} tabIndex={0}>
        <code>{text}</code>
      </pre>
    </figure>
  );
}
