import styles from './copyable-command.module.css';
import { CopyButton } from './copy-button';

/** A command a person is to run, with a button that copies it. Longer ones wrap. */
export function CopyableCommand({ command }: { readonly command: string }) {
  return (
    <div className={styles.box}>
      <code className={styles.command}>{command}</code>
      <CopyButton text={command} label="Copy command" />
    </div>
  );
}
