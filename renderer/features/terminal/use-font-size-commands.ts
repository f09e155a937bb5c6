import { defaultSettings } from '../../../electron/contract';
import { useHost } from '../../client/host-context';
import { useSettings } from '../../client/host-state';
import { useCommands } from '../../lib/commands';

const smallest = 8;
const largest = 32;

export function useFontSizeCommands(): void {
  const host = useHost();
  const current = useSettings().value?.settings.terminalFontSize ?? defaultSettings.terminalFontSize;
  const set = (size: number) => {
    const terminalFontSize = Math.min(largest, Math.max(smallest, size));
    // A failure to store it is shown by the settings state itself.
    if (terminalFontSize !== current)
      host.call('settings.update', { terminalFontSize }).catch(() => undefined);
  };
  useCommands([
    {
      id: 'terminal.increaseFontSize',
      title: 'Larger terminal text',
      group: 'Terminal',
      shortcut: 'Ctrl+Shift++',
      otherShortcuts: ['Ctrl+='],
      evenInTerminal: true,
      run: () => set(current + 1),
    },
    {
      id: 'terminal.decreaseFontSize',
      title: 'Smaller terminal text',
      group: 'Terminal',
      shortcut: 'Ctrl+-',
      evenInTerminal: true,
      run: () => set(current - 1),
    },
    {
      id: 'terminal.resetFontSize',
      title: 'Default terminal text',
      group: 'Terminal',
      shortcut: 'Ctrl+0',
      evenInTerminal: true,
      run: () => set(defaultSettings.terminalFontSize),
    },
  ]);
}
