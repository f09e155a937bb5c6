import { z } from 'zod';
import type { Settings } from '../../electron/contract';
import { persisted } from '../lib/persisted';

type ThemeChoice = Settings['theme'];

// The page's own copy of the setting, so that the first frame needs no answer of the host.
const remembered = persisted<ThemeChoice>('lm-sandbox.theme', z.enum(['light', 'dark', 'system']));
const darkQuery = '(prefers-color-scheme: dark)';

let choice: ThemeChoice = 'system';

function apply(): void {
  const dark = choice === 'dark' || (choice === 'system' && matchMedia(darkQuery).matches);
  document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
}

/** Sets the theme before anything is drawn, and follows the system's from then on. Call once. */
export function startTheme(): void {
  choice = remembered.read() ?? 'system';
  apply();
  matchMedia(darkQuery).addEventListener('change', apply);
}

/** Takes over the theme of the settings. */
export function setThemeChoice(next: ThemeChoice): void {
  choice = next;
  remembered.write(next);
  apply();
}
