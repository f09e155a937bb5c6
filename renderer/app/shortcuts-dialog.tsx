import { useAllCommands } from '../lib/commands';
import { Dialog, KeyHint } from '../ui';
import styles from './shortcuts-dialog.module.css';

export interface ShortcutsDialogProps {
  readonly onClose: () => void;
}

/** Every shortcut there is, from the same table that runs them. */
export function ShortcutsDialog({ onClose }: ShortcutsDialogProps) {
  const commands = useAllCommands().filter((command) => command.shortcut !== undefined);
  const groups = [...new Set(commands.map((command) => command.group))];
  return (
    <Dialog open onOpenChange={onClose} title="Keyboard shortcuts" width="large">
      <div className={styles.groups}>
        {groups.map((group) => (
          <section key={group} className={styles.group}>
            <h3 className={styles.heading}>{group}</h3>
            <ul>
              {commands
                .filter((command) => command.group === group)
                .map((command) => (
                  <li key={command.id} className={styles.row}>
                    <span>{command.title}</span>
                    <span className={styles.keys}>
                      {command.shortcut && <KeyHint keys={command.shortcut} />}
                      {command.outsideTerminalShortcut && <KeyHint keys={command.outsideTerminalShortcut} />}
                    </span>
                  </li>
                ))}
            </ul>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
