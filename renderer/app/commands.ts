import type { MenuCommand } from '../../electron/contract';
import type { Command } from '../lib/commands';
import type { PaneId } from './layout-store';

/** What the shell's own commands do; features add theirs with `useCommands` of renderer/lib. */
export interface ShellOperations {
  focusPane(pane: PaneId): void;
  cyclePane(step: 1 | -1): void;
  toggleMaximised(): void;
  resetLayout(): void;
  openPalette(): void;
  openSettings(): void;
  openShortcuts(): void;
  setTheme(theme: 'light' | 'dark' | 'system'): void;
  startSandbox(): void;
  stopSandbox(): void;
  restartSandbox(): void;
  canStart(): boolean;
  canStop(): boolean;
  searchEngine(): void;
}

/** Has the compiler check that an id is one the native menu sends. */
function menuId(id: MenuCommand): MenuCommand {
  return id;
}

export function shellCommands(operations: ShellOperations): readonly Command[] {
  const pane = (
    id: MenuCommand & `view.${PaneId}`,
    target: PaneId,
    title: string,
    shortcut: string,
  ): Command => ({
    id,
    title,
    group: 'View',
    shortcut,
    evenInTerminal: true,
    run: () => operations.focusPane(target),
  });
  return [
    pane('view.terminal', 'terminal', 'Go to the terminal', 'Ctrl+1'),
    pane('view.chat', 'chat', 'Go to the chat', 'Ctrl+2'),
    pane('view.dashboard', 'dashboard', 'Go to the dashboard', 'Ctrl+3'),
    pane('view.sandbox', 'sandbox', 'Go to the sandbox', 'Ctrl+4'),
    {
      id: 'view.nextPane',
      title: 'Next pane',
      group: 'View',
      shortcut: 'F6',
      evenInTerminal: true,
      run: () => operations.cyclePane(1),
    },
    {
      id: 'view.previousPane',
      title: 'Previous pane',
      group: 'View',
      shortcut: 'Shift+F6',
      evenInTerminal: true,
      run: () => operations.cyclePane(-1),
    },
    {
      id: 'view.maximise',
      title: 'Maximise or restore the pane',
      group: 'View',
      shortcut: 'Ctrl+Shift+M',
      evenInTerminal: true,
      run: () => operations.toggleMaximised(),
    },
    {
      id: menuId('view.resetLayout'),
      title: 'Reset the layout',
      group: 'View',
      run: () => operations.resetLayout(),
    },
    {
      id: 'sandbox.start',
      title: 'Start the sandbox',
      group: 'Sandbox',
      when: () => operations.canStart(),
      run: () => operations.startSandbox(),
    },
    {
      id: 'sandbox.stop',
      title: 'Stop the sandbox',
      group: 'Sandbox',
      when: () => operations.canStop(),
      run: () => operations.stopSandbox(),
    },
    {
      id: 'sandbox.restart',
      title: 'Restart the sandbox',
      group: 'Sandbox',
      when: () => operations.canStop(),
      run: () => operations.restartSandbox(),
    },
    {
      id: 'engine.search',
      title: 'Look for an engine again',
      group: 'Sandbox',
      run: () => operations.searchEngine(),
    },
    {
      id: menuId('app.palette'),
      title: 'Show all commands',
      group: 'App',
      shortcut: 'Ctrl+Shift+P',
      // Ctrl+K deletes to the end of the line in a shell, so it is left to the terminal.
      outsideTerminalShortcut: 'Ctrl+K',
      evenInTerminal: true,
      run: () => operations.openPalette(),
    },
    {
      id: menuId('app.settings'),
      title: 'Settings',
      group: 'App',
      shortcut: 'Ctrl+,',
      evenInTerminal: true,
      run: () => operations.openSettings(),
    },
    {
      id: menuId('app.shortcuts'),
      title: 'Keyboard shortcuts',
      group: 'App',
      shortcut: 'Ctrl+/',
      run: () => operations.openShortcuts(),
    },
    { id: 'app.themeLight', title: 'Light theme', group: 'App', run: () => operations.setTheme('light') },
    { id: 'app.themeDark', title: 'Dark theme', group: 'App', run: () => operations.setTheme('dark') },
    {
      id: 'app.themeSystem',
      title: 'Theme of the system',
      group: 'App',
      run: () => operations.setTheme('system'),
    },
  ];
}
