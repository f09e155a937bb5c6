import type { LmError, ShellPlace, TerminalColors } from '../../contract';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/**
 * How a shell ended: with an exit code (null when the engine cannot say), or lost with the reason, which is
 * `container_not_running` when its container was stopped, started anew or removed.
 */
export type PtyEnd =
  | { readonly kind: 'exited'; readonly exitCode: number | null }
  | { readonly kind: 'lost'; readonly error: LmError };

/** One running shell on a TTY. */
export interface Pty {
  readonly place: ShellPlace;
  /** One listener; bytes come untouched and are owned by the listener. */
  onData(listener: (bytes: Uint8Array) => void): void;
  onEnd(listener: (end: PtyEnd) => void): void;
  write(bytes: Uint8Array): void;
  resize(size: TerminalSize): void;
  /** Stops reading, so that the program blocks in its writes once the buffers between are full. */
  pause(): void;
  resume(): void;
  /** Hangs up the shell, then kills it; resolves when it has ended or nothing more can be done. */
  kill(): Promise<void>;
}

/** What runs on a terminal in place of a shell, as seen inside. */
export interface PtyProgram {
  /** Program and arguments; null: a login shell. */
  readonly command: readonly [string, ...string[]] | null;
  /** Null: where shells begin. A relative one begins there. */
  readonly workingFolder: string | null;
  /** Added to the sandbox's own variables. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface PtyBackend {
  /** Starts a shell, or `program`; rejects with an LmError when it cannot. */
  open(size: TerminalSize, program?: PtyProgram): Promise<Pty>;
}

/** What the program asked of the terminal itself, beside drawing. */
export interface ScreenEvents {
  /** Answer to a query, to be written to the program. */
  reply(data: string): void;
  title(title: string): void;
  /** OSC 52 write; a read is never answered. */
  clipboard(text: string): void;
}

/**
 * A terminal emulator without a display that sees every byte: it answers queries, and its state is the snapshot
 * for pages that attach.
 */
export interface ScreenMirror {
  /** Parses at once, before it returns. */
  write(bytes: Uint8Array): void;
  resize(size: TerminalSize): void;
  setColors(colors: TerminalColors): void;
  /** Escape sequences that bring an empty terminal of the same size into this state. */
  snapshot(): string;
  /** True when leaving out lines that scroll away cannot change the state: normal buffer, no scroll margins. */
  readonly scrollsPlainly: boolean;
  dispose(): void;
}

export type ScreenMirrorFactory = (
  size: TerminalSize,
  colors: TerminalColors,
  events: ScreenEvents,
) => ScreenMirror;
