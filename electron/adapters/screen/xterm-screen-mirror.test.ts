import { Terminal } from '@xterm/headless';
import { SerializeAddon } from '@xterm/addon-serialize';
import { describe, expect, it } from 'vitest';
import type { TerminalColors } from '../../contract';
import type { ScreenMirror } from '../../services/terminal';
import { createXtermScreenMirror } from './xterm-screen-mirror';

const colors: TerminalColors = {
  foreground: '#102030',
  background: '#ffffff',
  cursor: '#ff0000',
  palette: Array.from({ length: 16 }, (_, index) => `#0000${index.toString(16).padStart(2, '0')}`),
};

function makeMirror(size = { columns: 80, rows: 24 }) {
  const replies: string[] = [];
  const titles: string[] = [];
  const clipboard: string[] = [];
  const mirror = createXtermScreenMirror(size, colors, {
    reply: (data) => replies.push(data),
    title: (title) => titles.push(title),
    clipboard: (text) => clipboard.push(text),
  });
  return { mirror, replies, titles, clipboard, write: (text: string) => write(mirror, text) };
}

const write = (mirror: ScreenMirror, text: string) => mirror.write(new TextEncoder().encode(text));

describe('the screen mirror', () => {
  it.each([
    ['cursor position', 'ab\x1b[6n', '\x1b[1;3R'],
    ['device status', '\x1b[5n', '\x1b[0n'],
    ['primary device attributes', '\x1b[c', '\x1b[?1;2c'],
    ['secondary device attributes', '\x1b[>c', '\x1b[>0;276;0c'],
    ['size in characters', '\x1b[18t', '\x1b[8;24;80t'],
    ['a private mode', '\x1b[?2004$p', '\x1b[?2004;2$y'],
    ['the foreground colour', '\x1b]10;?\x07', '\x1b]10;rgb:1010/2020/3030\x1b\\'],
    ['the background colour', '\x1b]11;?\x1b\\', '\x1b]11;rgb:ffff/ffff/ffff\x1b\\'],
    ['the cursor colour', '\x1b]12;?\x07', '\x1b]12;rgb:ffff/0000/0000\x1b\\'],
    ['a palette colour', '\x1b]4;3;?\x07', '\x1b]4;3;rgb:0000/0000/0303\x1b\\'],
    ['a colour of the cube', '\x1b]4;196;?\x07', '\x1b]4;196;rgb:ffff/0000/0000\x1b\\'],
  ])('answers a query for %s exactly once, within the write', (_what, query, answer) => {
    const { replies, write: send } = makeMirror();
    send(query);
    expect(replies).toEqual([answer]);
  });

  it('answers a program with the colour it has set itself, until it is reset', () => {
    const { replies, write: send } = makeMirror();
    send('\x1b]11;#123456\x07\x1b]11;?\x07\x1b]111\x07\x1b]11;?\x07');
    expect(replies).toEqual(['\x1b]11;rgb:1212/3434/5656\x1b\\', '\x1b]11;rgb:ffff/ffff/ffff\x1b\\']);
  });

  it('never answers a read of the clipboard and hands on a write of at most 64 KiB of text', () => {
    const { replies, clipboard, write: send } = makeMirror();
    send('\x1b]52;c;?\x07');
    send(`\x1b]52;c;${Buffer.from('héllo').toString('base64')}\x07`);
    send(`\x1b]52;c;${Buffer.from('x'.repeat(100_000)).toString('base64')}\x07`);
    send('\x1b]52;c;not base64!\x07');
    send(`\x1b]52;c;${Buffer.from([0xff, 0xfe, 0x80]).toString('base64')}\x07`);
    expect(replies).toEqual([]);
    expect(clipboard).toEqual(['héllo']);
  });

  it('strips control, bidi and zero-width characters from titles and cuts them at 128', () => {
    const { titles, write: send } = makeMirror();
    send('\x1b]0;safe\u202etitle\u200b\x07');
    send(`\x1b]2;${'t'.repeat(500)}\x07`);
    expect(titles).toEqual(['safetitle', 't'.repeat(128)]);
  });

  it('reports no more than ten titles a second', () => {
    const { titles, write: send } = makeMirror();
    for (let count = 0; count < 1_000; count += 1) send(`\x1b]0;${count}\x07`);
    expect(titles.length).toBeLessThanOrEqual(20);
  });

  it('says when lines do not simply scroll away: alternate buffer and scroll margins', () => {
    const { mirror, write: send } = makeMirror();
    expect(mirror.scrollsPlainly).toBe(true);
    send('\x1b[?1049h');
    expect(mirror.scrollsPlainly).toBe(false);
    send('\x1b[?1049l\x1b[2;10r');
    expect(mirror.scrollsPlainly).toBe(false);
    send('\x1b[r');
    expect(mirror.scrollsPlainly).toBe(true);
    send('\x1b[2;10r\x1bc');
    expect(mirror.scrollsPlainly).toBe(true);
  });

  it.each([
    [
      'text, colours and scrollback',
      Array.from({ length: 60 }, (_, n) => `\x1b[3${n % 8}mline ${n}\x1b[0m\r\n`).join(''),
    ],
    ['a full-screen program', 'shell\r\n\x1b[?1049h\x1b[2J\x1b[5;10Hfull\x1b[?25l'],
    ['scroll margins and origin mode', '\x1b[3;8r\x1b[?6h\x1b[2;5Hhere'],
    ['wide and joined characters', '日本語 👩‍👩‍👧 ñ\r\n'],
  ])('restores %s in an empty terminal', async (_what, output) => {
    const { mirror, write: send } = makeMirror();
    send(output);
    const direct = makeTerminal();
    const restored = makeTerminal();
    await direct.parse(output);
    await restored.parse(mirror.snapshot());
    // What is written next has to land in the same place.
    await direct.parse('\r\nX\x1b[2;2HY');
    await restored.parse('\r\nX\x1b[2;2HY');
    expect(restored.state()).toEqual(direct.state());
  });

  it('restores what the serialize add-on leaves out: mouse encoding, hidden cursor, cursor style', () => {
    const { mirror, write: send } = makeMirror();
    send('\x1b[?1002h\x1b[?1006h\x1b[?25l\x1b[4 q\x1b[?2004h');
    const snapshot = mirror.snapshot();
    for (const sequence of ['\x1b[?1002h', '\x1b[?1006h', '\x1b[?25l', '\x1b[4 q', '\x1b[?2004h']) {
      expect(snapshot).toContain(sequence);
    }
  });
});

function makeTerminal() {
  const terminal = new Terminal({ cols: 80, rows: 24, scrollback: 5_000, allowProposedApi: true });
  const serialize = new SerializeAddon();
  terminal.loadAddon(serialize);
  return {
    parse: (text: string) => new Promise<void>((resolve) => terminal.write(text, resolve)),
    state: () => ({
      text: serialize.serialize(),
      cursor: [terminal.buffer.active.cursorX, terminal.buffer.active.cursorY],
      buffer: terminal.buffer.active.type,
    }),
  };
}
