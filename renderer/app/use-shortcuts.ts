import { useEffect } from 'react';
import type { Command, CommandRegistry } from '../lib/commands';
import { matchesShortcut } from '../lib/shortcut';

/** The command a key press means where it happened; null when it belongs to what has the focus. */
export function commandFor(
  event: KeyboardEvent,
  commands: readonly Command[],
  inTerminal: boolean,
): Command | null {
  return (
    commands.find((command) => {
      const always =
        command.shortcut === undefined ? [] : [command.shortcut, ...(command.otherShortcuts ?? [])];
      const outside = command.outsideTerminalShortcut === undefined ? [] : [command.outsideTerminalShortcut];
      const shortcuts = inTerminal ? (command.evenInTerminal ? always : []) : [...always, ...outside];
      return shortcuts.some((shortcut) => matchesShortcut(event, shortcut)) && command.when?.() !== false;
    }) ?? null
  );
}

/**
 * Runs commands by their shortcuts. Listens before the page's other listeners do, so that a terminal gets only the
 * keys that are left to it. While a modal dialog is open its keys are its own.
 */
export function useShortcuts(registry: CommandRegistry): void {
  useEffect(() => {
    const handle = (event: KeyboardEvent) => {
      if (event.isComposing || document.querySelector('[role="dialog"], [role="alertdialog"]')) return;
      const inTerminal = event.target instanceof Element && event.target.closest('.xterm') !== null;
      const command = commandFor(event, registry.commands.getState(), inTerminal);
      if (!command) return;
      event.preventDefault();
      event.stopPropagation();
      command.run();
    };
    window.addEventListener('keydown', handle, { capture: true });
    return () => window.removeEventListener('keydown', handle, { capture: true });
  }, [registry]);
}
