import { describe, expect, it } from 'vitest';
import { planPaste } from './paste';
import { visibleText } from './visible-text';

describe('a paste', () => {
  it.each([
    ['one line', 'ls -l', false, true, false],
    ['a line that ends with Enter', 'rm -rf x\n', false, true, true],
    ['several lines', 'a\nb\nc', false, true, true],
    ['several lines into a shell with bracketed paste', 'a\nb', true, true, false],
    ['several lines when the person asks for no question', 'a\nb', false, false, false],
    ['a carriage return, which is Enter too', 'echo hi\rrm x', false, true, true],
  ])('of %s asks exactly when lines would run', (_what, text, bracketed, confirm, asks) => {
    expect(planPaste(text, bracketed, confirm).needsConfirmation).toBe(asks);
  });

  it('counts lines without the last line break', () => {
    expect(planPaste('a\nb\r\nc\n\n', false, true).lineCount).toBe(3);
  });

  it('cannot end a bracketed paste from within, nor smuggle in control keys', () => {
    const { text } = planPaste('safe\u001b[201~\u0003rm -rf /\u0004\u007f\t', true, true);
    expect(text).toBe('safe\u241b[201~rm -rf /\t');
  });
});

describe('text in a question', () => {
  it('shows control, bidi and zero-width characters as escapes and keeps line breaks', () => {
    expect(visibleText('a\r\u202eb\u200bc\nd\te\u0007')).toBe('a\\u{d}\\u{202e}b\\u{200b}c\nd\te\\u{7}');
  });
});
