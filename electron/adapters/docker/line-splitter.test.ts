import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from './line-splitter';

describe('LineSplitter', () => {
  it('gives the same lines wherever the bytes are cut, also inside characters', () => {
    const lineArbitrary = fc.string({ unit: 'binary' }).map((text) => text.replace(/[\r\n]/g, ' '));
    fc.assert(
      fc.property(fc.array(lineArbitrary), fc.integer({ min: 1, max: 7 }), (lines, chunkBytes) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'utf8');
        const splitter = new LineSplitter(1_000_000);
        const result: string[] = [];
        for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
          result.push(...splitter.push(bytes.subarray(offset, offset + chunkBytes)));
        }
        // A byte order mark at the start of a line is not shown by any decoder.
        expect(result).toEqual(
          lines.map((line) =>
            Buffer.from(line, 'utf8')
              .toString('utf8')
              .replace(/^\uFEFF/, ''),
          ),
        );
        expect(splitter.flush()).toBeNull();
      }),
    );
  });

  it('cuts a line of 10 MB at its limit, says how much is missing, and goes on with the next line', () => {
    const splitter = new LineSplitter(16);
    const lines: string[] = [];
    for (let piece = 0; piece < 160; piece += 1)
      lines.push(...splitter.push(new Uint8Array(65_536).fill(0x61)));
    lines.push(...splitter.push(Buffer.from('\nnext\n')));
    expect(lines).toEqual([`${'a'.repeat(16)} … [line cut: ${160 * 65_536 - 16} more bytes]`, 'next']);
  });

  it('does not show half a character where it cuts', () => {
    const splitter = new LineSplitter(4);
    expect(splitter.push(Buffer.from('aaa€uro\n'))).toEqual(['aaa … [line cut: 5 more bytes]']);
  });

  it('takes away the carriage return of a terminal and hands out the unfinished last line', () => {
    const splitter = new LineSplitter();
    expect(splitter.push(Buffer.from('one\r\ntwo'))).toEqual(['one']);
    expect(splitter.flush()).toBe('two');
  });

  it('shows bytes that are no UTF-8 as replacement characters', () => {
    expect(new LineSplitter().push(Uint8Array.of(0x61, 0xff, 0x62, 0x0a))).toEqual(['a\uFFFDb']);
  });
});
