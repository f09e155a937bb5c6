import type { CommandSize, LmError } from '../../contract';
import type { Launch } from '../embedded';

export type CommandChannel = 'stdout' | 'stderr';

export interface CommandWish {
  /** Program and arguments as seen inside. */
  readonly command: readonly [string, ...string[]];
  /** As seen inside; null: the workspace. */
  readonly workingFolder: string | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number | null;
  /** Whether the standard input stays open for `write`. */
  readonly input: boolean;
}

/** How a command ended; nothing of it is alive then. */
export type CommandEnd =
  | { readonly kind: 'exited'; readonly exitCode: number | null; readonly timedOut: boolean }
  | { readonly kind: 'lost'; readonly error: LmError };

export interface CommandHandlers {
  readonly onOutput: (channel: CommandChannel, bytes: Uint8Array) => void;
  /** Once, behind all output. */
  readonly onEnd: (end: CommandEnd) => void;
}

/** A command that was started. */
export interface RunningCommand {
  /** Resolves when the bytes were taken. Those for a command that reads no more are dropped. */
  write(bytes: Uint8Array): Promise<void>;
  endInput(): void;
  resize(size: CommandSize): void;
  /** Stops reading the output, so that the command blocks in its writes once the buffers between are full. */
  pause(): void;
  resume(): void;
  /** Asks for the end of the command and all it started; `onEnd` tells when that is done. Idempotent. */
  end(): void;
}

/** A place where commands run on three pipes. */
export interface CommandBackend {
  /** Rejects with an LmError where it cannot be started; the command's own failure to start is an exit code. */
  start(wish: CommandWish, handlers: CommandHandlers): Promise<RunningCommand>;
}

/** A program of this computer on three pipes. */
export interface LocalProcess extends Pick<RunningCommand, 'write' | 'endInput' | 'pause' | 'resume'> {
  readonly processId: number;
}

export interface ProcessStarter {
  /**
   * `onExit` comes when the first process has ended, `onClose` when nobody can write to the pipes any more and all
   * of it was handed over. Rejects with an LmError where it cannot be started.
   */
  start(
    launch: Launch,
    options: { readonly input: boolean },
    handlers: {
      readonly onOutput: CommandHandlers['onOutput'];
      readonly onExit: (exitCode: number) => void;
      readonly onClose: () => void;
    },
  ): Promise<LocalProcess>;
}
