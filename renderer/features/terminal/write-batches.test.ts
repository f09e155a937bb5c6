import { beforeEach, describe, expect, it } from 'vitest';
import { WriteBatches, type BatchTarget } from './write-batches';

const kibibyte = 1024;

/** Parses when it is told to, at a speed of its own. */
class SlowTerminal implements BatchTarget {
  readonly parsed: Uint8Array[] = [];
  private readonly queue: { data: string | Uint8Array; callback: (() => void) | undefined }[] = [];
  nowMs = 0;
  bytesPerMs = 8 * kibibyte;

  write(data: string | Uint8Array, callback?: () => void): void {
    this.queue.push({ data, callback });
  }

  parseOne(): void {
    for (let next = this.queue.shift(); next; next = this.queue.shift()) {
      this.nowMs += next.data.length / this.bytesPerMs;
      if (typeof next.data !== 'string') this.parsed.push(next.data);
      next.callback?.();
      if (next.data.length > 0) return;
    }
  }

  parseAll(): void {
    while (this.queue.length > 0) this.parseOne();
  }
}

let terminal: SlowTerminal;
let batches: WriteBatches;
let consumed: number[];
beforeEach(() => {
  terminal = new SlowTerminal();
  batches = new WriteBatches(terminal, () => terminal.nowMs);
  consumed = [];
});

let number = 0;
function write(bytes: number): number {
  number += 1;
  const mine = number;
  batches.write(new Uint8Array(bytes).fill(mine % 256), () => consumed.push(mine));
  return mine;
}
const sizes = () => terminal.parsed.map(({ byteLength }) => byteLength / kibibyte);

describe('batches of output for xterm.js', () => {
  it('hand on at once what comes while nothing is parsed', () => {
    for (let key = 0; key < 5; key += 1) {
      const mine = write(1);
      expect(consumed).not.toContain(mine);
      terminal.parseOne();
      expect(consumed.at(-1)).toBe(mine);
    }
    expect(terminal.parsed).toHaveLength(5);
  });

  it('join what came meanwhile, in its order, and say of each part when it was parsed', () => {
    const first = write(2);
    const others = [write(3), write(4), write(5)];
    terminal.parseOne();
    expect(consumed).toEqual([first]);
    terminal.parseOne();
    expect(consumed).toEqual([first, ...others]);
    const expected = others.flatMap((each, index) => Array<number>(index + 3).fill(each % 256));
    expect([...(terminal.parsed[1] ?? [])]).toEqual(expected);
  });

  it('are as large as some 30 ms of parsing, whatever the speed, and never less than a piece', () => {
    for (let piece = 0; piece < 40; piece += 1) write(64 * kibibyte);
    terminal.parseAll();
    expect(sizes().slice(0, 4)).toEqual([64, 256, 256, 256]);
    terminal.bytesPerMs = kibibyte;
    for (let piece = 0; piece < 40; piece += 1) write(64 * kibibyte);
    terminal.parseAll();
    expect(sizes().slice(-8)).toEqual(Array(8).fill(64));
    terminal.bytesPerMs = 100 * kibibyte;
    for (let piece = 0; piece < 40; piece += 1) write(64 * kibibyte);
    terminal.parseAll();
    expect(Math.max(...sizes())).toBe(512);
    expect(consumed).toHaveLength(120);
  });

  it('hand over all that waits when something else is to be written behind it', () => {
    write(2);
    write(3);
    batches.flush();
    terminal.write('\u001bc');
    terminal.parseAll();
    expect(consumed).toHaveLength(2);
    expect(terminal.parsed.map(({ byteLength }) => byteLength)).toEqual([2, 3]);
    write(4);
    terminal.parseAll();
    expect(consumed).toHaveLength(3);
  });
});
