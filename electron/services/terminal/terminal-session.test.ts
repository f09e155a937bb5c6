import { describe, expect, it } from 'vitest';
import { ServerStream } from '../../rpc/server-stream';
import { terminalStreams, type TerminalChunk, type TerminalColors } from '../../contract';
import { ManualClock } from '../foundation/manual-clock.fakes';
import { FakeSink } from '../foundation/stream-sink.fakes';
import { Dialogues } from './dialogues';
import type { Pty, ScreenEvents, ScreenMirror } from './ports';
import { TerminalSession } from './terminal-session';

const size = { columns: 80, rows: 24 };
const colors: TerminalColors = {
  foreground: '#ffffff',
  background: '#000000',
  cursor: '#ffffff',
  palette: Array.from({ length: 16 }, () => '#808080'),
};

/** A shell whose output the test writes, and which tells whether it is read. */
class ScriptedPty implements Pty {
  readonly place = 'container';
  reading = true;
  private listener: (bytes: Uint8Array) => void = () => undefined;

  onData(listener: (bytes: Uint8Array) => void): void {
    this.listener = listener;
  }
  onEnd(): void {}
  write(): void {}
  resize(): void {}
  pause(): void {
    this.reading = false;
  }
  resume(): void {
    this.reading = true;
  }
  kill(): Promise<void> {
    return Promise.resolve();
  }

  print(text: string): void {
    this.listener(new TextEncoder().encode(text));
  }
}

/** Counts what it is given to parse. */
class CountingMirror implements ScreenMirror {
  parsedBytes = 0;
  readonly scrollsPlainly = true;
  write(bytes: Uint8Array): void {
    this.parsedBytes += bytes.byteLength;
  }
  resize(): void {}
  setColors(): void {}
  snapshot(): string {
    return '';
  }
  dispose(): void {}
}

function makeSession(dialogues = new Dialogues()) {
  const clock = new ManualClock();
  const pty = new ScriptedPty();
  const mirror = new CountingMirror();
  let events: ScreenEvents | null = null;
  const session = new TerminalSession({
    id: 'flooding',
    ...{ pty, size, colors, clock, dialogues },
    createMirror: (_size, _colors, given) => {
      events = given;
      return mirror;
    },
    onChanged: () => undefined,
  });
  const stream = new ServerStream(
    1,
    terminalStreams['terminal.attach'],
    terminalStreams['terminal.attach'].windowBytes,
    (frame) => {
      if (frame.type === 'chunk') queueMicrotask(() => stream.credit(frame.sizeBytes));
    },
    () => undefined,
  );
  session.attach(stream, 'page');
  return { clock, pty, mirror, session, askForClipboard: (text: string) => events?.clipboard(text) };
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
/** More lines than a terminal keeps. */
const floodText = `${'x'.repeat(98)}\r\n`.repeat(8_000);
const smallText = 'x\r\n'.repeat(50);

describe('a terminal session', () => {
  it('parses thirty slices a second of a flood, and all that can still be seen once the flood ends', async () => {
    const { clock, pty, mirror } = makeSession();
    pty.print(floodText);
    const first = mirror.parsedBytes;
    for (let turn = 0; turn < 20; turn += 1) {
      pty.print(smallText);
      await nextTurn();
    }
    expect(mirror.parsedBytes).toBe(first);
    for (let look = 0; look < 4; look += 1) {
      expect(mirror.parsedBytes).toBe(first);
      pty.print(smallText);
      clock.advance(10);
    }
    expect(mirror.parsedBytes).toBeGreaterThan(first);
    expect(mirror.parsedBytes).toBeLessThan(first + 64 * 1024);
    // No more comes: the next look finds the flood over.
    clock.advance(8);
    for (let turn = 0; turn < 100; turn += 1) await nextTurn();
    expect(mirror.parsedBytes).toBeGreaterThan(5_000 * 3);
    expect(mirror.parsedBytes).toBeLessThan(floodText.length);
    const parsed = mirror.parsedBytes;
    clock.advance(1_000);
    await nextTurn();
    expect(mirror.parsedBytes).toBe(parsed);
  });

  it('parses output that it can keep up with at once, however much of it there is', async () => {
    const { pty, mirror } = makeSession();
    for (let turn = 0; turn < 40; turn += 1) {
      pty.print(smallText);
      expect(mirror.parsedBytes).toBe((turn + 1) * smallText.length);
      await nextTurn();
    }
  });

  it('reads a flood more slowly while another terminal is typed into, and only then', async () => {
    const dialogues = new Dialogues();
    const { clock, pty } = makeSession(dialogues);
    const chunk = 'x'.repeat(99).concat('\n').repeat(700);

    pty.print(chunk);
    expect(pty.reading).toBe(true);
    clock.advance(8);
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();

    dialogues.noteWrite('another', clock.nowMs());
    pty.print(chunk);
    expect(pty.reading).toBe(false);
    await nextTurn();
    expect(pty.reading).toBe(false);
    clock.advance(8);
    expect(pty.reading).toBe(true);

    clock.advance(600);
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    pty.print(chunk);
    expect(pty.reading).toBe(true);
  });

  it('gives way to nobody for what is typed into itself', () => {
    const dialogues = new Dialogues();
    const { clock, pty, session } = makeSession(dialogues);
    session.write(new Uint8Array([0x61]), 'page');
    expect(dialogues.isOtherIn('another', clock.nowMs())).toBe(true);
    expect(dialogues.isOtherIn('flooding', clock.nowMs())).toBe(false);
    pty.print('x'.repeat(99).concat('\n').repeat(700));
    expect(pty.reading).toBe(true);
    session.dispose();
    expect(dialogues.isOtherIn('another', clock.nowMs())).toBe(false);
  });

  it('asks for the clipboard at the page that was typed into last', () => {
    const { askForClipboard, session } = makeSession();
    const desktop = new FakeSink<TerminalChunk>();
    const browser = new FakeSink<TerminalChunk>();
    session.attach(desktop, 'desktop');
    session.attach(browser, 'browser');
    for (const [used, other, name] of [
      [browser, desktop, 'browser'],
      [desktop, browser, 'desktop'],
    ] as const) {
      session.write(new Uint8Array([0x61]), name);
      askForClipboard(name);
      expect(used.take()).toContainEqual({ kind: 'clipboard', text: name });
      expect(other.take()).not.toContainEqual(expect.objectContaining({ kind: 'clipboard' }));
    }
  });

  it('keeps one request for the clipboard for a page that takes nothing, however many come', () => {
    const { askForClipboard, session } = makeSession();
    const page = new FakeSink<TerminalChunk>();
    session.attach(page, 'hidden');
    session.write(new Uint8Array([0x61]), 'hidden');
    page.take();
    page.fallBehind();
    for (let count = 0; count < 1_000; count += 1) askForClipboard(`text ${count}`);
    expect(page.take()).toEqual([]);
    page.catchUp();
    page.catchUp();
    expect(page.take()).toEqual([{ kind: 'clipboard', text: 'text 999' }]);
  });
});
