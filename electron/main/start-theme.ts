import { readFileSync } from 'node:fs';
import path from 'node:path';

export type ThemeSource = 'light' | 'dark' | 'system';

/** What a window shows before its page has painted: `--color-canvas` of the page's styles. */
export const windowBackground = { light: '#eef0f3', dark: '#0d0f12' };

/**
 * The theme in the settings file, read before there is a host, so that not even the first frame is in another one.
 * Whatever cannot be read is `system`: the host reads the file properly, and says what was wrong with it.
 */
export function readStartTheme(dataFolder: string): ThemeSource {
  try {
    const file: unknown = JSON.parse(readFileSync(path.join(dataFolder, 'settings.json'), 'utf8'));
    const theme = property(property(file, 'settings'), 'theme');
    return theme === 'light' || theme === 'dark' ? theme : 'system';
  } catch {
    return 'system';
  }
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
