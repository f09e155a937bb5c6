import { Terminal } from '@xterm/headless';
import { SerializeAddon } from '@xterm/addon-serialize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FloodBacklog } from './flood-backlog';

const scrollback = 20;
const rows = 6;
const keepLines = scrollback + 2 * rows;

const parseAll = (terminal: Terminal, pieces: readonly Uint8Array[]): Promise<void> =>
  new Promise((resolve) => {
    for (const piece of pieces) terminal.write(piece);
    terminal.write('', resolve);
  });

const stateOf = (terminal: Terminal, serialize: SerializeAddon) => ({
  text: serialize.serialize(),
  cursor: [terminal.buffer.active.cursorX, terminal.buffer.active.cursorY, terminal.buffer.active.baseY],
  buffer: terminal.buffer.active.type,
});

const makeTerminal = () => {
  const terminal = new Terminal({ cols: 20, rows, scrollback, allowProposedApi: true });
  const serialize = new SerializeAddon();
  terminal.loadAddon(serialize);
  return { terminal, serialize };
};

const line = fc.oneof(
  { weight: 8, arbitrary: fc.string({ maxLength: 45 }).map((text) => `${text.replace(/[^ -~]/g, '.')}\r\n`) },
  { weight: 3, arbitrary: fc.constantFrom('日本語の行\r\n', 'naïve\r\n', '\t\ttabs\r\n', '👩‍👩‍👧 family\r\n') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '\x1b[31mred\r\n',
      '\x1b[0mplain\r\n',
      '\x1b[1;4mbold\r\n',
      '\x1b[;32mgreen\x1b[m\r\n',
      '\x1b[38;5;120mpalette\r\n',
      '\x1b[48:2::10:20:30mtrue\r\n',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'no return\n',
      'progress 1%\rprogress 2%\r',
      '\x1b[2A',
      '\x1b[5;5H',
      '\x1b[2J',
      '\x1b[?1049h',
      '\x1b[?1049l',
      '\x1b[2;4r',
      '\x1b[r',
      '\x1b]0;title\x07',
      '\x1b]0;broken',
      '\x1bP$qm\x1b\\',
      '\x1b(0',
      '\x0e',
      '\x0f',
      '\x9c',
      '\u009b5A',
      '\x1b[3',
      '\x18',
      '\x1b[?25l',
      '\x1bc',
      '\x1b[6n',
      '\b\b',
      '\x1b7',
      '\x1b8',
      '\x1bD',
      '\x1bM',
      '\x1b[3b',
    ),
  },
);

describe('FloodBacklog', () => {
  it('leads to the same screen, scrollback, cursor and colours as parsing every byte, for any output and any pieces', async () => {
    let elidedAtLeastOnce = false;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(line, fc.integer({ min: 1, max: 60 })), { maxLength: 40 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 700 })),
        fc.infiniteStream(fc.integer({ min: 1, max: 300 })),
        async (script, pieceSizes, takeSizes) => {
          const bytes = new TextEncoder().encode(script.map(([text, count]) => text.repeat(count)).join(''));
          const whole = makeTerminal();
          await parseAll(whole.terminal, [bytes]);

          const cut = makeTerminal();
          let margins = false;
          cut.terminal.parser.registerCsiHandler({ final: 'r' }, (parameters) => {
            margins = parameters.some((value) => Number(value) > 0);
            return false;
          });
          const resetMargins = () => {
            margins = false;
            return false;
          };
          cut.terminal.parser.registerEscHandler({ final: 'c' }, resetMargins);
          const backlog = new FloodBacklog();
          let offset = 0;
          let sequence = 0;
          while (offset < bytes.byteLength || backlog.byteLength > 0) {
            const size = pieceSizes.next().value as number;
            backlog.push(bytes.slice(offset, offset + size));
            offset += size;
            if (offset % 3 === 0) {
              const slice = backlog.take(takeSizes.next().value as number);
              if (slice) {
                expect(slice.sequence).toBeGreaterThanOrEqual(sequence);
                sequence = slice.sequence;
                await parseAll(cut.terminal, [slice.bytes]);
              }
            }
            if (cut.terminal.buffer.active.type === 'normal' && !margins && backlog.elide(keepLines) > 0) {
              elidedAtLeastOnce = true;
            }
            if (offset >= bytes.byteLength) {
              for (let slice = backlog.take(50); slice; slice = backlog.take(50)) {
                expect(slice.sequence).toBeGreaterThanOrEqual(sequence);
                sequence = slice.sequence;
                await parseAll(cut.terminal, [slice.bytes]);
              }
            }
          }
          expect(stateOf(cut.terminal, cut.serialize)).toEqual(stateOf(whole.terminal, whole.serialize));
          expect(sequence).toBe(bytes.byteLength);
          whole.terminal.dispose();
          cut.terminal.dispose();
        },
      ),
      { numRuns: 300 },
    );
    expect(elidedAtLeastOnce).toBe(true);
  }, 120_000);

  it('never holds more than the lines a terminal can keep once plain output floods it', () => {
    const backlog = new FloodBacklog();
    const chunk = new TextEncoder().encode('0123456789\r\n'.repeat(1000));
    let elided = 0;
    for (let count = 0; count < 100; count += 1) {
      backlog.push(chunk);
      elided += backlog.elide(keepLines);
    }
    expect(backlog.byteLength).toBeLessThanOrEqual((keepLines + 2) * 12);
    expect(elided + backlog.byteLength).toBe(100 * chunk.byteLength);
  });

  it('leaves nothing out while a control sequence waits to be parsed', () => {
    const backlog = new FloodBacklog();
    backlog.push(new TextEncoder().encode(`\x1b[2;4r${'line\r\n'.repeat(1000)}`));
    expect(backlog.elide(keepLines)).toBe(0);
    backlog.take(6);
    expect(backlog.elide(keepLines)).toBeGreaterThan(0);
  });
});
