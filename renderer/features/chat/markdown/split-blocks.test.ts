import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { marked } from 'marked';
import { BlockSplitter, splitFinished } from './split-blocks';

const piece = fc.constantFrom(
  'word ',
  '\n',
  '\n\n',
  '- item\n',
  '  - nested\n',
  '1. one\n',
  '```js\n',
  '```\n',
  '~~~\n',
  '> quote\n',
  '# head\n',
  '| a | b |\n|---|---|\n',
  '| 1 | 2 |\n',
  '    indented\n',
  '---\n',
  '===\n',
  '**bold** ',
  '<div>\n',
  '</div>\n',
  '\r\n',
  'x\r',
);

describe('splitting a growing text', () => {
  it('gives at every step what splitting the text at once gives', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const splitter = new BlockSplitter();
        let text = '';
        for (const next of pieces) {
          text += next;
          const grown = splitter.split(text);
          const fresh = new BlockSplitter().split(text);
          expect(grown).toEqual(fresh);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('starts anew when the text is another one', () => {
    const splitter = new BlockSplitter();
    splitter.split('a\n\nb\n\nc');
    expect(splitter.split('x\n\ny')).toEqual([
      { kind: 'markdown', text: 'x' },
      { kind: 'markdown', text: 'y' },
    ]);
  });

  it('parses only the open end, so that a long answer costs no more per token than a short one', () => {
    const lexer = vi.spyOn(marked, 'lexer');
    const splitter = new BlockSplitter();
    let text = '';
    for (let index = 0; index < 500; index += 1) {
      text += `Paragraph ${index} with some words in it.\n\n`;
      splitter.split(text);
    }
    const parsed = lexer.mock.calls.reduce((sum, [source]) => sum + source.length, 0);
    lexer.mockRestore();
    expect(text.length).toBeGreaterThan(15_000);
    expect(parsed).toBeLessThan(text.length * 4);
  });

  it('needs no parser for a long block of code that is still open', () => {
    const lexer = vi.spyOn(marked, 'lexer');
    const splitter = new BlockSplitter();
    let text = '```js\n';
    for (let index = 0; index < 3_000; index += 1) {
      text += `const value${index} = ${index};\n`;
      splitter.split(text);
    }
    expect(lexer.mock.calls.length).toBeLessThan(3);
    lexer.mockRestore();
    expect(splitter.split(text)).toEqual([{ kind: 'code', language: 'js', text: text.slice(6).trimEnd() }]);
  });
});

describe('a finished text', () => {
  it('shows a block over 64 KiB or 2,000 lines as plain text', () => {
    expect(splitFinished(`short\n\n${'long '.repeat(20_000)}`).map(({ kind }) => kind)).toEqual([
      'markdown',
      'plain',
    ]);
    expect(splitFinished('- item\n'.repeat(2_500)).map(({ kind }) => kind)).toEqual(['plain']);
  });
});
