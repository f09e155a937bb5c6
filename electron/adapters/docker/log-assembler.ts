import type { ContainerLogLine, LogPosition, OutputSource } from '../../services/logs/ports';
import type { FramePiece } from './frame-demultiplexer';
import { LineSplitter } from './line-splitter';

const timestampPattern = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2}) /;
/** `2026-11-23T12:00:00.123456789+00:00 ` */
const longestTimestampBytes = 36;
const space = 0x20;
const newline = 0x0a;
/**
 * Size of the pieces into which the engine cuts long lines. A shorter piece without a line end is where a run
 * of the program stopped: what follows belongs to another line. Source: moby, daemon/logger/copier.go.
 */
const pieceBytes = 16 * 1024;

interface Timestamp {
  /** `SECONDS.NANOSECONDS` since 1970: sorts as text and is what the API takes as `since`. */
  readonly text: string;
  readonly timeMs: number;
  /** Bytes it takes in front of the line, with its space. */
  readonly length: number;
}

interface SourceState {
  readonly splitter: LineSplitter;
  /** Beginning of a frame while it is not yet certain whether it is a time stamp. */
  head: Uint8Array | null;
  lineTimestamp: Timestamp | null;
  lineBegun: boolean;
  /** Bytes of the frame under way, without its time stamp. */
  frameBytes: number;
}

/**
 * Frames of `GET /containers/{id}/logs?timestamps=1` to lines. The engine cuts a long line into pieces of 16 KiB
 * and writes a time stamp before each piece: the later ones are taken out again.
 */
export class LogAssembler {
  private readonly sources: Record<OutputSource, SourceState> = { stdout: newSource(), stderr: newSource() };

  push(pieces: readonly FramePiece[]): ContainerLogLine[] {
    return pieces.flatMap((piece) => this.pushPiece(piece));
  }

  /** Lines that were begun and never ended. */
  flush(): ContainerLogLine[] {
    return (['stdout', 'stderr'] as const).flatMap((source) => this.flushSource(source));
  }

  private pushPiece(piece: FramePiece): ContainerLogLine[] {
    const state = this.sources[piece.source];
    const lines: ContainerLogLine[] = [];
    let bytes = piece.bytes;
    if (piece.startsFrame) {
      if (state.lineBegun && state.frameBytes < pieceBytes) lines.push(...this.flushSource(piece.source));
      state.head = new Uint8Array(0);
      state.frameBytes = 0;
    }
    if (state.head) {
      bytes = join(state.head, bytes);
      const undecided = bytes.length < longestTimestampBytes && !bytes.includes(space);
      if (undecided && !piece.endsFrame) {
        state.head = bytes;
        return lines;
      }
      state.head = null;
      const timestamp = readTimestamp(bytes);
      if (timestamp) bytes = bytes.subarray(timestamp.length);
      if (!state.lineBegun) state.lineTimestamp = timestamp;
    }
    if (bytes.length === 0) return lines;
    state.frameBytes += bytes.length;
    for (const text of state.splitter.push(bytes))
      lines.push(toLine(piece.source, state.lineTimestamp, text));
    state.lineBegun = bytes.at(-1) !== newline;
    return lines;
  }

  private flushSource(source: OutputSource): ContainerLogLine[] {
    const state = this.sources[source];
    const rest = state.splitter.flush();
    state.lineBegun = false;
    return rest === null ? [] : [toLine(source, state.lineTimestamp, rest)];
  }
}

/** The log of a container with a TTY: plain lines, each with its time stamp, all of them stdout. */
export class RawLogAssembler {
  private readonly splitter = new LineSplitter();

  push(chunk: Uint8Array): ContainerLogLine[] {
    return this.splitter.push(chunk).map(toRawLine);
  }

  flush(): ContainerLogLine[] {
    const rest = this.splitter.flush();
    return rest === null ? [] : [toRawLine(rest)];
  }
}

/**
 * Leaves out the lines that a follower has already seen: `since` includes the lines at exactly its time, and
 * several lines may carry one time stamp.
 */
export class LogResumer {
  private timestamp: string | null;
  private linesAtTimestamp: number;
  private toSkip: number;

  constructor(private readonly after: LogPosition | null) {
    this.timestamp = after?.timestamp ?? null;
    this.linesAtTimestamp = after?.linesAtTimestamp ?? 0;
    this.toSkip = this.linesAtTimestamp;
  }

  accept(lines: readonly ContainerLogLine[]): ContainerLogLine[] {
    return lines.filter((line) => this.isNew(line));
  }

  get position(): LogPosition | null {
    return this.timestamp === null
      ? null
      : { timestamp: this.timestamp, linesAtTimestamp: this.linesAtTimestamp };
  }

  private isNew({ timestamp }: ContainerLogLine): boolean {
    if (timestamp === null) return true;
    if (this.after && timestamp < this.after.timestamp) return false;
    if (this.after && timestamp === this.after.timestamp && this.toSkip > 0) {
      this.toSkip -= 1;
      return false;
    }
    if (this.timestamp === null || timestamp > this.timestamp) {
      this.timestamp = timestamp;
      this.linesAtTimestamp = 1;
    } else if (timestamp === this.timestamp) {
      this.linesAtTimestamp += 1;
    }
    return true;
  }
}

function newSource(): SourceState {
  return { splitter: new LineSplitter(), head: null, lineTimestamp: null, lineBegun: false, frameBytes: 0 };
}

function toLine(source: OutputSource, timestamp: Timestamp | null, text: string): ContainerLogLine {
  return { timestamp: timestamp?.text ?? null, timeMs: timestamp?.timeMs ?? null, source, text };
}

function toRawLine(text: string): ContainerLogLine {
  const timestamp = parseTimestamp(text.slice(0, longestTimestampBytes));
  return toLine('stdout', timestamp, timestamp ? text.slice(timestamp.length) : text);
}

function readTimestamp(bytes: Uint8Array): Timestamp | null {
  return parseTimestamp(String.fromCharCode(...bytes.subarray(0, longestTimestampBytes)));
}

function parseTimestamp(text: string): Timestamp | null {
  const match = timestampPattern.exec(text);
  if (!match) return null;
  const [whole, dateAndTime = '', fraction = '', zone = ''] = match;
  const secondsMs = Date.parse(`${dateAndTime}${zone}`);
  if (!Number.isFinite(secondsMs) || secondsMs < 0) return null;
  const nanoseconds = fraction.padEnd(9, '0');
  return {
    text: `${String(secondsMs / 1000).padStart(10, '0')}.${nanoseconds}`,
    timeMs: secondsMs + Math.floor(Number(nanoseconds) / 1_000_000),
    length: whole.length,
  };
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
