import { Command as Palette } from 'cmdk';
import { Dialog } from 'radix-ui';
import { useRef } from 'react';
import { useAllCommands, type Command } from '../lib/commands';
import { KeyHint, useReturnFocus } from '../ui';
import styles from './command-palette.module.css';

export interface CommandPaletteProps {
  readonly onClose: () => void;
}

/** All commands that can be run now, found by typing. */
export function CommandPalette({ onClose }: CommandPaletteProps) {
  const commands = useAllCommands().filter(
    (command) => command.when?.() !== false && command.id !== 'app.palette',
  );
  const returnFocus = useReturnFocus(true);
  const chosen = useRef<Command | null>(null);
  const groups = [...new Set(commands.map((command) => command.group))];
  return (
    <Dialog.Root open onOpenChange={onClose}>
      <Dialog.Portal>
        <Dialog.Overlay className={styles.overlay} />
        <Dialog.Content
          className={styles.content}
          aria-describedby={undefined}
          onCloseAutoFocus={(event) => {
            returnFocus(event);
            // Only now, so that the command can move the focus on.
            chosen.current?.run();
          }}
        >
          <Dialog.Title className={styles.title}>Commands</Dialog.Title>
          <Palette label="Commands" loop>
            <Palette.Input className={styles.input} placeholder="Type what you want to do…" />
            <Palette.List className={styles.list}>
              <Palette.Empty className={styles.empty}>No command is called that.</Palette.Empty>
              {groups.map((group) => (
                <Palette.Group key={group} heading={group} className={styles.group}>
                  {commands
                    .filter((command) => command.group === group)
                    .map((command) => (
                      <Palette.Item
                        key={command.id}
                        className={styles.item}
                        value={`${command.group} ${command.title}`}
                        onSelect={() => {
                          chosen.current = command;
                          onClose();
                        }}
                      >
                        <span className={styles.text}>{command.title}</span>
                        {command.shortcut && <KeyHint keys={command.shortcut} />}
                      </Palette.Item>
                    ))}
                </Palette.Group>
              ))}
            </Palette.List>
          </Palette>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
