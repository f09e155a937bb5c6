import { describe, expect, it } from 'vitest';
import { matchesShortcut, type KeyPress } from './shortcut';

const press = (key: string, held: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: '',
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...held,
});

describe('matchesShortcut', () => {
  it('wants exactly the named modifiers', () => {
    expect(matchesShortcut(press('P', { ctrlKey: true, shiftKey: true }), 'Ctrl+Shift+P')).toBe(true);
    expect(matchesShortcut(press('p', { ctrlKey: true }), 'Ctrl+Shift+P')).toBe(false);
    expect(matchesShortcut(press('p', { ctrlKey: true, altKey: true, shiftKey: true }), 'Ctrl+Shift+P')).toBe(
      false,
    );
    expect(matchesShortcut(press('F6'), 'F6')).toBe(true);
    expect(matchesShortcut(press('F6', { shiftKey: true }), 'F6')).toBe(false);
  });

  it('takes Command for Ctrl', () => {
    expect(matchesShortcut(press('k', { metaKey: true }), 'Ctrl+K')).toBe(true);
  });

  it('finds digits by place, as an AZERTY keyboard types & for 1', () => {
    expect(matchesShortcut(press('&', { code: 'Digit1', ctrlKey: true }), 'Ctrl+1')).toBe(true);
  });

  it('takes signs however they are typed', () => {
    expect(matchesShortcut(press('?', { shiftKey: true, ctrlKey: true }), 'Ctrl+?')).toBe(true);
    expect(matchesShortcut(press('+', { shiftKey: true, ctrlKey: true }), 'Ctrl++')).toBe(true);
  });
});
