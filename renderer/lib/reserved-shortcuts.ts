/** Keys that browsers keep for themselves: a page neither sees them nor can take them. */
const instead: Readonly<Record<string, string>> = {
  'Ctrl+Shift+T': 'Alt+Shift+T',
  'Ctrl+Shift+W': 'Alt+Shift+W',
  'Ctrl+PageDown': 'Alt+PageDown',
  'Ctrl+PageUp': 'Alt+PageUp',
};

/** The shortcut by which a command can be reached behind this door: in a browser some have to be others. */
export function reachableShortcut(shortcut: string, protocol: string = window.location.protocol): string {
  return protocol === 'app:' ? shortcut : (instead[shortcut] ?? shortcut);
}
