import type { StreamSink, TerminalChunk } from '../../contract';
import type { Clock } from '../foundation';
import { FloodBacklog, cutLines } from './flood-backlog';
import type { TerminalSize } from './ports';

/** Largest piece sent at once: xterm.js parses large pieces fastest, and a frame shows no more than this. */
const maxChunkBytes = 64 * 1024;
/** Output is gathered for this long, except right after input or silence. */
const gatherMs = 8;
/** Echo of keys typed within this time goes out at once. */
const typingWindowMs = 150;
/** Waiting bytes above which the shell is paused for a page that keeps consuming. */
const pauseBytes = 1024 * 1024;
/** Waiting bytes above which a page is no longer written to for now, where another one keeps up. */
const leaveBehindBytes = 2 * 1024 * 1024;
/** A page that could take nothing for so long no longer holds the shell up. */
const stalledAfterMs = 500;
/** Least time between two snapshots for a page that keeps falling behind. */
const snapshotIntervalMs = 2_000;
/** A snapshot's first part; the rest follows as data, so that no frame grows without bound. */
const snapshotPartBytes = 256 * 1024;

export interface PageFeedDeps {
  /** The connection by which it came. */
  readonly page: string;
  readonly sink: StreamSink<TerminalChunk>;
  readonly clock: Clock;
  /** Screen state as of the sequence it names. */
  readonly snapshot: () => { screen: string; size: TerminalSize; sequence: number };
  readonly scrollsPlainly: () => boolean;
  readonly keepLines: () => number;
  /** Called when `holdsUp` may have changed. */
  readonly onChanged: () => void;
}

/**
 * What one attached page is sent: a snapshot, then all that the mirror has parsed, in pieces, no faster than the
 * page consumes. A page that cannot keep up is spared what it could never show (flood-backlog.ts); one that stands
 * still, hidden or crashed, gets a new snapshot when it comes back, and never stops the shell. Nor does one that is slow
 * while another one keeps up.
 */
export class PageFeed {
  private backlog = new FloodBacklog();
  private lastInputMs = -typingWindowMs;
  private lastFlushMs = 0;
  private cancelTimer: (() => void) | null = null;
  private unwritableSinceMs: number | null = null;
  private cancelStallTimer: (() => void) | null = null;
  private outOfStep = false;
  private waitingClipboard: string | null = null;
  private lastSnapshotMs = 0;
  private closed = false;

  constructor(private readonly deps: PageFeedDeps) {
    deps.sink.onWritable(() => this.onWritable());
    deps.sink.signal.addEventListener('abort', () => this.close());
    this.sendSnapshot();
  }

  get page(): string {
    return this.deps.page;
  }

  /** True while a page that does consume has too much waiting, so that the shell should wait for it. */
  get holdsUp(): boolean {
    return !this.closed && !this.outOfStep && this.backlog.byteLength > pauseBytes;
  }

  /** True while little waits for the page, so that a slower one beside it need not be waited for. */
  get keepsUp(): boolean {
    return !this.closed && !this.outOfStep && this.backlog.byteLength <= pauseBytes;
  }

  /** Another page keeps up, so the shell does not wait for this one. Far behind, it gets a snapshot instead. */
  leaveBehind(): void {
    if (this.backlog.byteLength > leaveBehindBytes) this.fallOutOfStep();
  }

  /** True while the page takes what it is sent; false for one that is hidden, stands still or is gone. */
  get isFollowing(): boolean {
    return !this.closed && !this.outOfStep && this.deps.sink.writable;
  }

  noteInput(): void {
    this.lastInputMs = this.deps.clock.nowMs();
  }

  push(bytes: Uint8Array, sequence: number): void {
    if (this.closed || this.outOfStep) return;
    this.backlog.push(bytes, sequence);
    if (!this.deps.sink.writable) {
      this.thinOut();
      return;
    }
    const nowMs = this.deps.clock.nowMs();
    const typing = nowMs - this.lastInputMs <= typingWindowMs && bytes.byteLength < 4096;
    if (typing || this.backlog.byteLength >= maxChunkBytes || nowMs - this.lastFlushMs >= gatherMs)
      this.flush();
    else this.cancelTimer ??= this.deps.clock.after(gatherMs, () => this.flush());
  }

  resized(size: TerminalSize): void {
    if (this.closed || this.outOfStep) return;
    if (this.backlog.byteLength > 0) this.flush();
    if (this.backlog.byteLength > 0) this.fallOutOfStep();
    else this.deps.sink.send({ kind: 'resized', columns: size.columns, rows: size.rows });
  }

  /** For a page that takes nothing now the last request counts: a program can make them as fast as it writes. */
  clipboard(text: string): void {
    if (this.closed) return;
    if (this.deps.sink.writable) this.deps.sink.send({ kind: 'clipboard', text });
    else this.waitingClipboard = text;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.cancelTimer?.();
    this.cancelStallTimer?.();
    this.backlog.clear();
    this.deps.onChanged();
  }

  private flush(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
    if (this.closed) return;
    const { sink } = this.deps;
    while (sink.writable && this.backlog.byteLength > 0) {
      const slice = this.backlog.take(maxChunkBytes);
      if (!slice) break;
      sink.send({ kind: 'data', bytes: slice.bytes, sequence: slice.sequence });
    }
    this.lastFlushMs = this.deps.clock.nowMs();
    if (!sink.writable) this.noteUnwritable();
  }

  private thinOut(): void {
    const keepLines = this.deps.keepLines();
    // Long before the shell would have to wait for the page, for lines of up to 190 bytes.
    if (this.backlog.lineCount > keepLines + cutLines && this.deps.scrollsPlainly()) {
      this.backlog.elide(keepLines);
    }
    if (this.backlog.byteLength <= pauseBytes) return;
    this.noteUnwritable();
    this.deps.onChanged();
  }

  private noteUnwritable(): void {
    if (this.unwritableSinceMs !== null) return;
    this.unwritableSinceMs = this.deps.clock.nowMs();
    this.cancelStallTimer = this.deps.clock.after(stalledAfterMs, () => {
      this.cancelStallTimer = null;
      if (!this.deps.sink.writable && this.backlog.byteLength > pauseBytes) this.fallOutOfStep();
      else this.unwritableSinceMs = null;
    });
  }

  private onWritable(): void {
    if (this.closed) return;
    this.unwritableSinceMs = null;
    this.cancelStallTimer?.();
    this.cancelStallTimer = null;
    if (this.waitingClipboard !== null) {
      this.deps.sink.send({ kind: 'clipboard', text: this.waitingClipboard });
      this.waitingClipboard = null;
    }
    if (this.outOfStep) {
      const waitMs = this.lastSnapshotMs + snapshotIntervalMs - this.deps.clock.nowMs();
      if (waitMs <= 0) this.sendSnapshot();
      else this.cancelTimer ??= this.deps.clock.after(waitMs, () => this.sendSnapshot());
      return;
    }
    this.flush();
    this.deps.onChanged();
  }

  private fallOutOfStep(): void {
    this.outOfStep = true;
    this.backlog.clear();
    this.deps.onChanged();
    if (this.deps.sink.writable) this.onWritable();
  }

  private sendSnapshot(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
    if (this.closed) return;
    const { screen, size, sequence } = this.deps.snapshot();
    this.outOfStep = false;
    this.backlog = new FloodBacklog();
    this.lastSnapshotMs = this.deps.clock.nowMs();
    const parts = splitText(screen, snapshotPartBytes);
    this.deps.sink.send({
      kind: 'snapshot',
      screen: parts[0] ?? '',
      columns: size.columns,
      rows: size.rows,
      sequence,
    });
    for (const part of parts.slice(1)) {
      this.deps.sink.send({ kind: 'data', bytes: new TextEncoder().encode(part), sequence });
    }
  }
}

/** Parts of `text` of about `length` characters, none of which ends inside a surrogate pair. */
function splitText(text: string, length: number): string[] {
  const parts: string[] = [];
  let start = 0;
  while (start < text.length) {
    let end = Math.min(text.length, start + length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}
