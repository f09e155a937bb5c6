import { expect, it } from 'vitest';
import { reachableShortcut } from './reserved-shortcuts';

it('gives other keys to what a browser keeps for itself, and leaves all else as in the window', () => {
  expect(reachableShortcut('Ctrl+Shift+T', 'http:')).toBe('Alt+Shift+T');
  expect(reachableShortcut('Ctrl+Shift+W', 'https:')).toBe('Alt+Shift+W');
  expect(reachableShortcut('Ctrl+Shift+P', 'http:')).toBe('Ctrl+Shift+P');
  expect(reachableShortcut('Ctrl+Shift+T', 'app:')).toBe('Ctrl+Shift+T');
});
