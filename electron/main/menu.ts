import { Menu, type MenuItemConstructorOptions } from 'electron';
import type { MenuCommand } from '../contract';

/** The native menu. Shortcuts the page handles itself are shown but not registered, so that nothing fires twice. */
export function buildMenu({
  invoke,
  quit,
}: {
  readonly invoke: (command: MenuCommand) => void;
  readonly quit: () => void;
}): Menu {
  const item = (label: string, command: MenuCommand, accelerator?: string): MenuItemConstructorOptions => ({
    label,
    accelerator,
    registerAccelerator: false,
    click: () => invoke(command),
  });
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  return Menu.buildFromTemplate([
    {
      label: '&File',
      submenu: [
        item('New terminal', 'terminal.new', 'Ctrl+Shift+T'),
        item('New conversation', 'chat.new', 'Ctrl+Shift+O'),
        separator,
        item('Settings…', 'app.settings', 'Ctrl+,'),
        separator,
        item('Close terminal', 'terminal.close', 'Ctrl+Shift+W'),
        { label: 'Quit', accelerator: 'CommandOrControl+Q', click: quit },
      ],
    },
    {
      label: '&Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        separator,
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        // In a terminal Ctrl+V belongs to the program; this pastes there.
        { role: 'pasteAndMatchStyle', label: 'Paste as text', accelerator: 'Ctrl+Shift+V' },
        { role: 'selectAll' },
        separator,
        item('Find in terminal', 'terminal.find', 'Ctrl+Shift+F'),
      ],
    },
    {
      label: '&View',
      submenu: [
        item('Command palette…', 'app.palette', 'Ctrl+Shift+P'),
        separator,
        item('Terminal', 'view.terminal', 'Ctrl+1'),
        item('Chat', 'view.chat', 'Ctrl+2'),
        item('Dashboard', 'view.dashboard', 'Ctrl+3'),
        item('Sandbox', 'view.sandbox', 'Ctrl+4'),
        item('Reset layout', 'view.resetLayout'),
        separator,
        item('Larger terminal text', 'terminal.increaseFontSize', 'Ctrl+Shift+='),
        item('Smaller terminal text', 'terminal.decreaseFontSize', 'Ctrl+-'),
        item('Default terminal text', 'terminal.resetFontSize', 'Ctrl+0'),
        separator,
        { role: 'togglefullscreen' },
        { role: 'toggleDevTools', accelerator: 'F12' },
      ],
    },
    {
      label: '&Help',
      submenu: [item('Keyboard shortcuts', 'app.shortcuts', 'Ctrl+/'), { role: 'about' }],
    },
  ]);
}
