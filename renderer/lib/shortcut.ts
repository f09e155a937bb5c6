/** What a shortcut is matched against; a KeyboardEvent is one. */
export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

/**
 * Whether a key press is the shortcut `Ctrl+Shift+P`, `F6`, `Ctrl+1`, … On a Mac, Command counts as Ctrl.
 * Digits are compared by their place on the keyboard, since on many layouts the digit row types other signs.
 */
export function matchesShortcut(press: KeyPress, shortcut: string): boolean {
  const parts = shortcut.split(/\+(?!$)/);
  const key = parts.at(-1) ?? '';
  const wants = (name: string) => parts.slice(0, -1).includes(name);
  if ((press.ctrlKey || press.metaKey) !== wants('Ctrl')) return false;
  if (press.altKey !== wants('Alt')) return false;
  // Signs such as ? and + already say whether Shift is needed to type them.
  const typesSign = key.length === 1 && !/[a-z0-9]/i.test(key);
  if (!typesSign && press.shiftKey !== wants('Shift')) return false;
  if (/^[0-9]$/.test(key)) return press.code === `Digit${key}` || press.code === `Numpad${key}`;
  return press.key.toLowerCase() === key.toLowerCase();
}
