import { describe, expect, it } from 'vitest';
import type { Command } from '../lib/commands';
import { commandFor } from './use-shortcuts';

const nothing = () => undefined;
const command = (id: string, more: Partial<Command>): Command => ({
  id,
  title: id,
  group: 'Test',
  run: nothing,
  ...more,
});
const press = (key: string, held: KeyboardEventInit = {}) => new KeyboardEvent('keydown', { key, ...held });

const commands = [
  command('palette', { shortcut: 'Ctrl+Shift+P', outsideTerminalShortcut: 'Ctrl+K', evenInTerminal: true }),
  command('help', { shortcut: 'Ctrl+/' }),
  command('larger', { shortcut: 'Ctrl++', otherShortcuts: ['Ctrl+='], evenInTerminal: true }),
  command('impossible', { shortcut: 'F9', when: () => false }),
];
const found = (event: KeyboardEvent, inTerminal: boolean) =>
  commandFor(event, commands, inTerminal)?.id ?? null;

describe('the command of a key press', () => {
  it('leaves Ctrl+K and Ctrl+/ to the shell in a terminal, and takes them elsewhere', () => {
    expect(found(press('k', { ctrlKey: true }), true)).toBeNull();
    expect(found(press('/', { ctrlKey: true }), true)).toBeNull();
    expect(found(press('k', { ctrlKey: true }), false)).toBe('palette');
    expect(found(press('/', { ctrlKey: true }), false)).toBe('help');
  });

  it('takes what is marked for it even in a terminal, by each of its keys', () => {
    expect(found(press('P', { ctrlKey: true, shiftKey: true }), true)).toBe('palette');
    expect(found(press('=', { ctrlKey: true }), true)).toBe('larger');
  });

  it('does not take a key whose command cannot run now', () => {
    expect(found(press('F9'), false)).toBeNull();
  });
});
