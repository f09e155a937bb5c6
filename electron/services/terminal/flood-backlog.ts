import { FloodScanner } from './flood-scanner';
import { completeUtf8Length } from './utf8-boundary';

/** Lines beyond the kept ones that are worth a cut, which copies a piece. */
export const cutLines = 500;
/** SGR bytes carried over a cut; a run that needs more is not cut. */
const maxCarriedSgrBytes = 4 * 1024;
const escapeByte = 0x1b;

export interface BacklogSlice {
  readonly bytes: Uint8Array;
  /** Count of bytes the program had written up to the end of this slice; grows by more where lines were left out. */
  readonly sequence: number;
}

interface Piece {
  readonly bytes: Uint8Array;
  /** Offset just behind this piece among the bytes pushed here. */
  readonly end: number;
  /** Count of bytes the program had written up to there; differs from `end` behind another backlog's cuts. */
  readonly sequence: number;
}

interface Place {
  readonly piece: number;
  /** Among the piece's bytes. */
  readonly index: number;
}

/**
 * Output that waits to be parsed. When more complete plain lines wait than a terminal can keep, those that would
 * have scrolled out of its scrollback are left out ("elided") before anybody parses them: the screen and scrollback
 * that result are the same, at a fraction of the work. This is exact, not a heuristic: only runs of printable text,
 * tabs, line breaks and SGR colours are cut, only from one `\r\n` to another, with the SGR state carried over.
 *
 * A page therefore stays a scrollback's length behind a program at most, however fast that writes, which is also
 * what makes Ctrl-C take effect at once.
 */
export class FloodBacklog {
  private pieces: Piece[] = [];
  private readonly scanner: FloodScanner;
  private written = 0;
  private sequence = 0;
  private taken = 0;
  private waitingBytes = 0;
  /** Offsets behind each `\r\n` that still waits; those before `breaksHead` were taken. */
  private breaks: number[] = [];
  private breaksHead = 0;
  /** Behind the last control that is not plain. */
  private barrierOffset = 0;
  /** Beginning of a character whose rest has not come yet. */
  private partialCharacter: Uint8Array = new Uint8Array(0);

  constructor() {
    this.scanner = new FloodScanner({
      lineBreak: (offset) => this.breaks.push(offset),
      barrier: (offset) => {
        this.barrierOffset = offset;
      },
    });
  }

  get byteLength(): number {
    return this.waitingBytes;
  }

  /** Complete lines that wait. */
  get lineCount(): number {
    return this.breaks.length - this.breaksHead;
  }

  /** False while a control waits that could change how the terminal scrolls: nothing is left out until it was taken. */
  get canElide(): boolean {
    return this.barrierOffset <= this.taken;
  }

  /** `sequence` is the program's byte count at the end of `newBytes`; by default all it wrote came through here. */
  push(newBytes: Uint8Array, sequence = this.sequence + newBytes.byteLength): void {
    this.sequence = sequence;
    const joined = this.partialCharacter.byteLength > 0 ? join(this.partialCharacter, newBytes) : newBytes;
    const completeLength = completeUtf8Length(joined);
    this.partialCharacter = joined.slice(completeLength);
    const bytes = joined.subarray(0, completeLength);
    if (bytes.byteLength === 0) return;
    this.scanner.scan(bytes);
    this.written += bytes.byteLength;
    this.waitingBytes += bytes.byteLength;
    this.pieces.push({ bytes, end: this.written, sequence: sequence - this.partialCharacter.byteLength });
  }

  /**
   * Leaves out what `keepLines` complete lines push out of reach; returns the count of bytes left out.
   * To be called only while the terminal scrolls plainly as of the last slice taken (normal buffer, no margins).
   */
  elide(keepLines: number): number {
    if (this.lineCount <= keepLines + 1 || !this.canElide) return 0;
    const cutStart = this.breaks[this.breaksHead] as number;
    const keptHead = this.breaks.length - keepLines;
    const cutEnd = this.breaks[keptHead - 1] as number;
    const start = this.find(cutStart);
    const end = this.find(cutEnd);
    // Only what is cut is looked at and only one piece is copied, however much stays.
    const removed = this.between(start, end);
    const carried = sgrState(removed);
    if (!carried || removed.byteLength === 0) return 0;

    const front = this.pieces[start.piece] as Piece;
    const back = this.pieces[end.piece] as Piece;
    this.pieces.splice(
      start.piece,
      end.piece - start.piece + 1,
      {
        bytes: front.bytes.subarray(0, start.index),
        end: cutStart,
        sequence: front.sequence - (front.bytes.byteLength - start.index),
      },
      { ...back, bytes: join(carried, back.bytes.subarray(end.index)) },
    );
    this.waitingBytes += carried.byteLength - removed.byteLength;
    this.breaksHead = keptHead - 1;
    this.breaks[this.breaksHead] = cutStart;
    this.forgetTakenBreaks();
    return removed.byteLength;
  }

  /** The next bytes to parse, `maxBytes` at most and whole characters; null when nothing waits. */
  take(maxBytes: number): BacklogSlice | null {
    const parts: Uint8Array[] = [];
    let length = 0;
    let sequence = 0;
    for (let first = this.pieces[0]; first && length < maxBytes; first = this.pieces[0]) {
      const room = maxBytes - length;
      if (first.bytes.byteLength <= room) {
        parts.push(first.bytes);
        length += first.bytes.byteLength;
        this.taken = first.end;
        sequence = first.sequence;
        this.pieces.shift();
        continue;
      }
      // A character longer than the room that is left waits for the next slice, unless that would be empty.
      const fitting = completeUtf8Length(first.bytes.subarray(0, room)) || (length === 0 ? room : 0);
      if (fitting === 0) break;
      const rest = first.bytes.byteLength - fitting;
      parts.push(first.bytes.subarray(0, fitting));
      length += fitting;
      this.taken = first.end - rest;
      sequence = first.sequence - rest;
      this.pieces[0] = { ...first, bytes: first.bytes.subarray(fitting) };
      break;
    }
    if (parts.length === 0) return null;
    this.waitingBytes -= length;
    this.forgetTakenBreaks();
    return { bytes: parts.length === 1 ? (parts[0] as Uint8Array) : join(...parts), sequence };
  }

  /** Drops everything that waits, for a consumer that will begin anew from a snapshot. */
  clear(): void {
    this.pieces = [];
    this.waitingBytes = 0;
    this.taken = this.written;
    this.breaks = [];
    this.breaksHead = 0;
  }

  /**
   * Where the byte at `offset` lies, or the end of the last piece. Counted from each piece's end, since a piece behind
   * a cut begins with carried SGR bytes that were not pushed there.
   */
  private find(offset: number): Place {
    for (let piece = this.pieces.length - 1; piece > 0; piece -= 1) {
      const { bytes, end } = this.pieces[piece] as Piece;
      const index = bytes.byteLength - (end - offset);
      if (index >= 0) return { piece, index };
    }
    const { bytes, end } = this.pieces[0] as Piece;
    return { piece: 0, index: bytes.byteLength - (end - offset) };
  }

  private between(start: Place, end: Place): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let piece = start.piece; piece <= end.piece; piece += 1) {
      const { bytes } = this.pieces[piece] as Piece;
      parts.push(
        bytes.subarray(
          piece === start.piece ? start.index : 0,
          piece === end.piece ? end.index : bytes.byteLength,
        ),
      );
    }
    return parts.length === 1 ? (parts[0] as Uint8Array) : join(...parts);
  }

  private forgetTakenBreaks(): void {
    while (this.breaksHead < this.breaks.length && (this.breaks[this.breaksHead] as number) <= this.taken) {
      this.breaksHead += 1;
    }
    if (this.breaksHead < 4096) return;
    this.breaks = this.breaks.slice(this.breaksHead);
    this.breaksHead = 0;
  }
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.byteLength;
  }
  return joined;
}

/**
 * The SGR sequences of a plain run that still count at its end: those from the last one that begins with a reset.
 * Null when they are too many to carry.
 */
function sgrState(run: Uint8Array): Uint8Array | null {
  const sequences: Uint8Array[] = [];
  let total = 0;
  let end = run.byteLength;
  for (;;) {
    const start = run.lastIndexOf(escapeByte, end - 1);
    if (start < 0 || end === 0) break;
    const finalByte = run.indexOf(0x6d, start);
    const sequence = run.slice(start, finalByte + 1);
    sequences.unshift(sequence);
    total += sequence.byteLength;
    if (total > maxCarriedSgrBytes) return null;
    if (beginsWithReset(sequence)) break;
    end = start;
  }
  return join(...sequences);
}

/** `ESC [ m`, `ESC [ 0 m`, `ESC [ 0 ; …`, `ESC [ ; …`. */
function beginsWithReset(sequence: Uint8Array): boolean {
  let index = 2;
  while (sequence[index] === 0x30) index += 1;
  return sequence[index] === 0x6d || sequence[index] === 0x3b;
}
