import fc from 'fast-check';
import { expect, it } from 'vitest';
import { titleFromQuestion } from './title';

it.each([
  ['  \n\n## How do I **list** files?\nmore', 'How do I **list** files?'],
  ['   \n\t', null],
  ['word '.repeat(40), `${'word '.repeat(11).trim()}…`],
  ['x'.repeat(100), `${'x'.repeat(59)}…`],
])('makes of %j the title %j', (question, title) => {
  expect(titleFromQuestion(question)).toBe(title);
});

it('makes titles of at most 60 characters in one line and never cuts a character in two', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (question) => {
      const title = titleFromQuestion(question) ?? '';
      expect(Array.from(new Intl.Segmenter().segment(title)).length).toBeLessThanOrEqual(60);
      expect(title).not.toMatch(/[\n\r]/);
      expect(new TextDecoder().decode(new TextEncoder().encode(title)) === title).toBe(true);
    }),
  );
});
