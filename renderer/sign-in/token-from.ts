import { doorTokenParameter } from '../../electron/contract/door-paths';

/** The token in what a person pasted: a whole link, its fragment, or the token alone; null when there is none. */
export function tokenFrom(text: string): string | null {
  const trimmed = text.trim();
  const fragment = trimmed.includes('#') ? trimmed.slice(trimmed.indexOf('#') + 1) : trimmed;
  const prefix = `${doorTokenParameter}=`;
  const token = fragment.startsWith(prefix) ? fragment.slice(prefix.length) : fragment;
  return /^[\w-]{20,128}$/.test(token) ? token : null;
}
