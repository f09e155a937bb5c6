import { useEffect } from 'react';
import type { MenuCommand } from '../../electron/contract';
import { useHost } from '../client/host-context';
import type { CommandRegistry } from '../lib/commands';
import { useNotify } from '../ui';
import type { PaneId } from './layout-store';

/**
 * Runs what the person chose in the native menu. A command of a pane that was not opened yet is not registered:
 * the pane is opened, and the command runs once it is there.
 */
export function useMenuCommands(registry: CommandRegistry, revealPane: (pane: PaneId) => void): void {
  const host = useHost();
  const notify = useNotify();
  useEffect(() => {
    let stopWaiting: (() => void) | null = null;
    const invoke = (command: MenuCommand) => {
      stopWaiting?.();
      stopWaiting = null;
      if (registry.run(command)) return;
      const pane = paneOf(command);
      const known = registry.commands.getState().some((candidate) => candidate.id === command);
      if (known || !pane) {
        notify({ tone: 'info', title: 'That is not possible right now.' });
        return;
      }
      revealPane(pane);
      const unsubscribe = registry.commands.subscribe(() => {
        if (!registry.commands.getState().some((candidate) => candidate.id === command)) return;
        stopWaiting?.();
        stopWaiting = null;
        registry.run(command);
      });
      stopWaiting = unsubscribe;
    };
    const stopEvents = host.on('app.commandInvoked', ({ command }) => invoke(command));
    return () => {
      stopWaiting?.();
      stopEvents();
    };
  }, [host, notify, registry, revealPane]);
}

function paneOf(command: MenuCommand): PaneId | null {
  if (command.startsWith('terminal.')) return 'terminal';
  return command.startsWith('chat.') ? 'chat' : null;
}
