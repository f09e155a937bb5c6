import {
  LmError,
  terminalScrollbackLines,
  type StreamSink,
  type TerminalChunk,
  type TerminalColors,
  type TerminalInfo,
} from '../../contract';
import type { Clock, Disposable } from '../foundation';
import type { Dialogues } from './dialogues';
import { FloodBacklog, cutLines } from './flood-backlog';
import { PageFeed } from './page-feed';
import type { Pty, PtyEnd, ScreenMirror, ScreenMirrorFactory, TerminalSize } from './ports';

/** Parsed in one go; at 10 to 20 MB/s about a millisecond, so that another terminal's echo waits no longer. */
const sliceBytes = 16 * 1024;
/** Read before other sockets have their turn. Far more than a slice, since what waits may be left out unparsed. */
const readPerTurnBytes = 192 * 1024;
/** The same while another terminal is in a dialogue, and the rest that follows: 8 MB/s, which is no more than a flood. */
const besideDialogueReadBytes = 64 * 1024;
const besideDialogueRestMs = 8;
/**
 * Between two slices of a flood that is written faster than it can be parsed: what would scroll away is left out
 * unparsed, and thirty pictures a second of it are drawn, since nobody reads sixty. That leaves the processor to the
 * program, to the other terminals and, where pages draw without a graphics card, to them.
 */
const floodFrameMs = 33;
/** Between two looks whether a flood is over, after which the rest is parsed at once. */
const floodLookMs = 8;
/** Between two slices of a flood that nobody follows; most of it is left out meanwhile, unparsed. */
const unwatchedPauseMs = 10;
const unwatchedSliceBytes = 64 * 1024;
/** Unparsed bytes above which the shell is paused, and below which it goes on. */
const pauseAboveBytes = 4 * 1024 * 1024;
const resumeBelowBytes = 512 * 1024;

export interface TerminalSessionDeps {
  readonly id: string;
  readonly pty: Pty;
  readonly size: TerminalSize;
  readonly colors: TerminalColors;
  readonly createMirror: ScreenMirrorFactory;
  readonly clock: Clock;
  readonly dialogues: Dialogues;
  readonly onChanged: () => void;
}

/**
 * One shell and everything attached to it. Every byte goes through the mirror first, which answers the program's
 * queries and is the state for pages that attach; then to the pages. The shell is paused only for what the mirror
 * has not parsed yet, or for pages that do consume but are far behind, all of them.
 */
export class TerminalSession implements Disposable {
  private title = 'bash';
  private status: TerminalInfo['status'] = 'running';
  private exitCode: number | null = null;
  private error: TerminalInfo['error'] = null;
  private size: TerminalSize;
  private readonly createdAtMs: number;
  private readonly mirror: ScreenMirror;
  private readonly backlog = new FloodBacklog();
  private readonly feeds = new Set<PageFeed>();
  private lastActiveFeed: PageFeed | null = null;
  private parsedSequence = 0;
  private pumpScheduled = false;
  private paused = false;
  private resting = false;
  private readThisTurnBytes = 0;
  private receivedSincePump = false;
  private lastSliceMs = -floodFrameMs;
  private pendingEnd: PtyEnd | null = null;
  private disposed = false;

  constructor(private readonly deps: TerminalSessionDeps) {
    this.size = deps.size;
    this.createdAtMs = deps.clock.nowMs();
    this.mirror = deps.createMirror(deps.size, deps.colors, {
      reply: (data) => this.writeToPty(new TextEncoder().encode(data)),
      title: (title) => {
        if (title === this.title) return;
        this.title = title || 'bash';
        deps.onChanged();
      },
      // Asked of the person at the page that was used last; others would ask a second time.
      clipboard: (text) => (this.lastActiveFeed ?? [...this.feeds][0])?.clipboard(text),
    });
    deps.pty.onData((bytes) => this.receive(bytes));
    deps.pty.onEnd((end) => {
      this.pendingEnd = end;
      this.finishIfDrained();
    });
  }

  get info(): TerminalInfo {
    return {
      id: this.deps.id,
      place: this.deps.pty.place,
      title: this.title,
      status: this.status,
      exitCode: this.exitCode,
      error: this.error,
      columns: this.size.columns,
      rows: this.size.rows,
      createdAtMs: this.createdAtMs,
    };
  }

  /** Bytes that came and were not parsed yet. */
  get unparsedBytes(): number {
    return this.backlog.byteLength;
  }

  /** `page` is the connection that the sink belongs to. */
  attach(sink: StreamSink<TerminalChunk>, page: string): void {
    const feed = new PageFeed({
      page,
      sink,
      clock: this.deps.clock,
      snapshot: () => ({ screen: this.mirror.snapshot(), size: this.size, sequence: this.parsedSequence }),
      scrollsPlainly: () => this.mirror.scrollsPlainly,
      keepLines: () => this.keepLines,
      onChanged: () => this.updatePause(),
    });
    this.feeds.add(feed);
    sink.signal.addEventListener('abort', () => {
      this.feeds.delete(feed);
      if (this.lastActiveFeed === feed) this.lastActiveFeed = null;
      this.updatePause();
    });
    this.lastActiveFeed ??= feed;
  }

  /** Keyboard or paste input of a page. Refused, not swallowed, once the shell has gone. */
  write(data: Uint8Array, page: string): void {
    if (this.status !== 'running') {
      throw new LmError('conflict', 'This shell has ended; nothing reads what is typed here.', {
        repair: { text: 'Open a new terminal.' },
      });
    }
    for (const feed of this.feeds) {
      feed.noteInput();
      if (feed.page === page) this.lastActiveFeed = feed;
    }
    this.writeToPty(data);
  }

  resize(size: TerminalSize): void {
    if (size.columns === this.size.columns && size.rows === this.size.rows) return;
    this.size = size;
    this.mirror.resize(size);
    if (this.status === 'running') this.deps.pty.resize(size);
    for (const feed of this.feeds) feed.resized(size);
    this.deps.onChanged();
  }

  setColors(colors: TerminalColors): void {
    this.mirror.setColors(colors);
  }

  async kill(): Promise<void> {
    if (this.status === 'running') await this.deps.pty.kill();
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const feed of this.feeds) feed.close();
    this.feeds.clear();
    this.deps.dialogues.forget(this.deps.id);
    this.mirror.dispose();
  }

  /** Complete lines after which nothing from before can be seen: scrollback, and the screen twice over. */
  private get keepLines(): number {
    return terminalScrollbackLines + 2 * this.size.rows;
  }

  private receive(bytes: Uint8Array): void {
    if (this.disposed) return;
    this.backlog.push(bytes);
    this.receivedSincePump = true;
    if (this.backlog.lineCount > this.keepLines + cutLines && this.mirror.scrollsPlainly) {
      this.backlog.elide(this.keepLines);
    }
    this.readThisTurnBytes += bytes.byteLength;
    if (this.readThisTurnBytes >= besideDialogueReadBytes) this.takeTurns();
    if (this.pumpScheduled) this.updatePause();
    // Nothing waits: parse within this turn, so that an echo or an answer to a query is not a turn late.
    else this.pump();
  }

  /**
   * Ends the reading of this turn when enough was read. Node reads a busy socket up to 32 times before it looks at another, which is some
   * 2 MB of work: the echo of a neighbouring terminal would wait for it on every leg of its way.
   */
  private takeTurns(): void {
    if (this.resting || this.paused) return;
    const { clock, dialogues, id, pty } = this.deps;
    const besideDialogue = dialogues.isOtherIn(id, clock.nowMs());
    if (!besideDialogue && this.readThisTurnBytes < readPerTurnBytes) return;
    this.resting = true;
    pty.pause();
    const goOn = () => {
      this.resting = false;
      this.readThisTurnBytes = 0;
      if (!this.paused && !this.disposed) pty.resume();
    };
    if (besideDialogue) clock.after(besideDialogueRestMs, goOn);
    else setImmediate(goOn);
  }

  private pump(): void {
    this.pumpScheduled = false;
    if (this.disposed) return;
    if (!this.resting) this.readThisTurnBytes = 0;
    const watched = [...this.feeds].some((feed) => feed.isFollowing);
    const flooded = this.isFlooded;
    this.receivedSincePump = false;
    const nowMs = this.deps.clock.nowMs();
    if (!(watched && flooded && nowMs - this.lastSliceMs < floodFrameMs)) {
      this.parseSlice(watched ? sliceBytes : unwatchedSliceBytes);
      this.lastSliceMs = nowMs;
    }
    if (this.backlog.byteLength > 0) {
      this.pumpScheduled = true;
      if (watched && flooded) this.deps.clock.after(floodLookMs, () => this.pump());
      // One slice a turn: sockets and other terminals come between.
      else if (watched || this.backlog.byteLength > resumeBelowBytes * 2) setImmediate(() => this.pump());
      else this.deps.clock.after(unwatchedPauseMs, () => this.pump());
    } else this.finishIfDrained();
    this.updatePause();
  }

  private parseSlice(maxBytes: number): void {
    const slice = this.backlog.take(maxBytes);
    if (!slice) return;
    this.mirror.write(slice.bytes);
    this.parsedSequence = slice.sequence;
    for (const feed of this.feeds) feed.push(slice.bytes, slice.sequence);
  }

  /** So much waits that what is parsed now will soon scroll away, more is coming, and lines may be left out. */
  private get isFlooded(): boolean {
    return (
      this.receivedSincePump &&
      !this.paused &&
      this.backlog.lineCount >= this.keepLines / 2 &&
      this.backlog.canElide &&
      this.mirror.scrollsPlainly
    );
  }

  private updatePause(): void {
    const waitingBytes = this.backlog.byteLength;
    const behind = [...this.feeds].filter((feed) => feed.holdsUp);
    // The quickest page sets the pace.
    const heldUp = behind.length > 0 && ![...this.feeds].some((feed) => feed.keepsUp);
    if (!heldUp) for (const feed of behind) feed.leaveBehind();
    if (!this.paused && (heldUp || waitingBytes > pauseAboveBytes)) {
      this.paused = true;
      this.deps.pty.pause();
    } else if (this.paused && !heldUp && waitingBytes < resumeBelowBytes) {
      this.paused = false;
      if (!this.resting) this.deps.pty.resume();
    }
  }

  private finishIfDrained(): void {
    const end = this.pendingEnd;
    if (!end || this.backlog.byteLength > 0 || this.disposed) return;
    this.pendingEnd = null;
    if (end.kind === 'exited') {
      this.status = 'exited';
      this.exitCode = end.exitCode;
    } else {
      this.status = 'lost';
      this.error = end.error.data;
    }
    this.deps.onChanged();
  }

  private writeToPty(data: Uint8Array): void {
    if (this.status !== 'running') return;
    this.deps.dialogues.noteWrite(this.deps.id, this.deps.clock.nowMs());
    this.deps.pty.write(data);
  }
}
