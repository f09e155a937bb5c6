import { describe, expect, it } from 'vitest';
import type { FramePiece } from './frame-demultiplexer';
import { LogAssembler, LogResumer, RawLogAssembler } from './log-assembler';

const first = '2026-11-23T12:00:00.000000001Z ';
const second = '2026-11-23T12:00:00.250000000Z ';
const firstMs = Date.parse('2026-11-23T12:00:00Z');
const firstText = `${firstMs / 1000}.000000001`;

function piece(text: string, options: Partial<FramePiece> = {}): FramePiece {
  return { source: 'stdout', bytes: Buffer.from(text), startsFrame: true, endsFrame: true, ...options };
}

describe('LogAssembler', () => {
  it('takes the time stamp off each line and keeps it to the nanosecond', () => {
    expect(
      new LogAssembler().push([piece(`${first}hello\n`), piece(`${second}oops\n`, { source: 'stderr' })]),
    ).toEqual([
      { timestamp: firstText, timeMs: firstMs, source: 'stdout', text: 'hello' },
      { timestamp: `${firstMs / 1000}.250000000`, timeMs: firstMs + 250, source: 'stderr', text: 'oops' },
    ]);
  });

  it('joins the pieces into which the engine cuts a long line, without their inner time stamps', () => {
    const lines = new LogAssembler().push([
      piece(`${first}${'a'.repeat(16_384)}`),
      piece(`${second}from stderr\n`, { source: 'stderr' }),
      piece(`${second}${'b'.repeat(10)}\n`),
    ]);
    expect(lines.map((line) => line.text)).toEqual([
      'from stderr',
      `${'a'.repeat(16_384)} … [line cut: 10 more bytes]`,
    ]);
    expect(lines[1]?.timestamp).toBe(firstText);
  });

  it('does not join what a stopped program left unfinished with the first line of its next run', () => {
    const lines = new LogAssembler().push([piece(`${first}bye`), piece(`${second}hello again\n`)]);
    expect(lines.map((line) => line.text)).toEqual(['bye', 'hello again']);
  });

  it('reads a time stamp that is cut into single bytes', () => {
    const text = `${first}hello\n`;
    const assembler = new LogAssembler();
    const lines = text
      .split(/(?:)/u)
      .flatMap((character, index) =>
        assembler.push([
          piece(character, { startsFrame: index === 0, endsFrame: index === text.length - 1 }),
        ]),
      );
    expect(lines).toEqual([{ timestamp: firstText, timeMs: firstMs, source: 'stdout', text: 'hello' }]);
  });

  it('keeps empty lines and lines without a time stamp', () => {
    const lines = new LogAssembler().push([piece(`${first}\n`), piece('no stamp\n')]);
    expect(lines.map(({ text, timestamp }) => ({ text, timestamp }))).toEqual([
      { text: '', timestamp: firstText },
      { text: 'no stamp', timestamp: null },
    ]);
  });

  it('gives the last unfinished line of each source when the log ends', () => {
    const assembler = new LogAssembler();
    assembler.push([piece(`${first}prompt$ `), piece(`${second}dying`, { source: 'stderr' })]);
    expect(assembler.flush().map((line) => line.text)).toEqual(['prompt$ ', 'dying']);
  });

  it("reads Podman's time stamps with an offset and fewer digits", () => {
    const [line] = new LogAssembler().push([piece('2026-11-23T13:00:00.5+01:00 hi\n')]);
    expect(line).toEqual({
      timestamp: `${firstMs / 1000}.500000000`,
      timeMs: firstMs + 500,
      source: 'stdout',
      text: 'hi',
    });
  });
});

describe('RawLogAssembler', () => {
  it('reads the plain log of a container with a terminal', () => {
    const assembler = new RawLogAssembler();
    expect(assembler.push(Buffer.from(`${first}one\r\n${second}tw`)).map((line) => line.text)).toEqual([
      'one',
    ]);
    expect(assembler.push(Buffer.from('o\r\n'))).toEqual([
      { timestamp: `${firstMs / 1000}.250000000`, timeMs: firstMs + 250, source: 'stdout', text: 'two' },
    ]);
  });
});

describe('LogResumer', () => {
  const line = (timestamp: string, text: string) => ({
    timestamp,
    timeMs: 0,
    source: 'stdout' as const,
    text,
  });

  it('leaves out what was seen before, also where several lines share one time stamp', () => {
    const before = new LogResumer(null);
    before.accept([
      line('0000000001.000000000', 'a'),
      line('0000000002.000000000', 'b'),
      line('0000000002.000000000', 'c'),
    ]);
    expect(before.position).toEqual({ timestamp: '0000000002.000000000', linesAtTimestamp: 2 });

    const after = new LogResumer(before.position);
    const delivered = after.accept([
      line('0000000001.000000000', 'a'),
      line('0000000002.000000000', 'b'),
      line('0000000002.000000000', 'c'),
      line('0000000002.000000000', 'd'),
      line('0000000003.000000000', 'e'),
    ]);
    expect(delivered.map(({ text }) => text)).toEqual(['d', 'e']);
    expect(after.position).toEqual({ timestamp: '0000000003.000000000', linesAtTimestamp: 1 });
  });

  it('keeps its place when nothing new comes', () => {
    const position = { timestamp: '0000000002.000000000', linesAtTimestamp: 3 };
    expect(new LogResumer(position).position).toEqual(position);
  });
});
