import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLogText, plainLogText } from './ansi';

const escape = '\u001b';

describe('parseLogText', () => {
  it('turns colours into runs', () => {
    expect(parseLogText(`a ${escape}[1;31mred${escape}[0m ${escape}[92mgreen${escape}[39m end`)).toEqual([
      { text: 'a ', colour: null, bold: false, faint: false },
      { text: 'red', colour: 'red', bold: true, faint: false },
      { text: ' ', colour: null, bold: false, faint: false },
      { text: 'green', colour: 'bright-green', bold: false, faint: false },
      { text: ' end', colour: null, bold: false, faint: false },
    ]);
  });

  it('reads past colours of the large palettes without taking their numbers for others', () => {
    expect(parseLogText(`${escape}[38;5;196;1mx`)).toEqual([
      { text: 'x', colour: null, bold: true, faint: false },
    ]);
    expect(parseLogText(`${escape}[38;2;31;32;33mx`)).toEqual([
      { text: 'x', colour: null, bold: false, faint: false },
    ]);
    expect(parseLogText(`${escape}[38;5;9mx`)).toEqual([
      { text: 'x', colour: 'bright-red', bold: false, faint: false },
    ]);
  });

  it.each([
    ['a cursor movement', `one${escape}[2K${escape}[1Gtwo`, 'onetwo'],
    ['a title', `${escape}]0;evil title\u0007text`, 'text'],
    ['a link', `${escape}]8;;http://example.org${escape}\\text${escape}]8;;${escape}\\`, 'text'],
    ['a character set', `${escape}(0text`, 'text'],
    ['an unfinished sequence', `text${escape}[31`, 'text'],
    ['bell and backspace', 'a\u0007b\u0008', 'a\u2407b\u2408'],
    ['marks that turn the direction', 'abc\u202edef', 'abc\uFFFDdef'],
    ['a tab', 'a\tb', 'a\tb'],
  ])('shows %s harmlessly', (_name, text, shown) => expect(plainLogText(text)).toBe(shown));

  it('lets no control character through, whatever is logged', () => {
    const pieces = fc.constantFrom(
      escape,
      '[',
      ']',
      '31',
      ';',
      'm',
      '\u0007',
      '\\',
      'P',
      '\u0000',
      '\u009b',
      'text',
      '\u202e',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string({ unit: 'binary' }))), (parts) => {
        // eslint-disable-next-line no-control-regex -- control characters are what must not be left
        const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
        expect(plainLogText(parts.join(''))).not.toMatch(control);
      }),
    );
  });
});
