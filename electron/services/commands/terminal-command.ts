import type { Clock } from '../foundation';
import type { PtyBackend, PtyProgram, TerminalSize } from '../terminal';
import type { CommandHandlers, RunningCommand } from './ports';

export interface TerminalWish {
  readonly size: TerminalSize;
  readonly program: PtyProgram;
  readonly timeoutMs: number | null;
}

/**
 * A program on a terminal whose bytes go to the caller as they are: the caller's own terminal answers queries and
 * draws, so no mirror is in between as for the app's terminals.
 */
export async function startOnTerminal(
  deps: { readonly terminals: PtyBackend; readonly clock: Clock },
  wish: TerminalWish,
  handlers: CommandHandlers,
): Promise<RunningCommand> {
  const pty = await deps.terminals.open(wish.size, wish.program);
  let timedOut = false;
  let ending = false;
  const end = () => {
    if (ending) return;
    ending = true;
    // What cannot be ended is told by the end itself, or by the log of who tried.
    pty.kill().catch(() => undefined);
  };
  const stopTimer =
    wish.timeoutMs === null
      ? () => undefined
      : deps.clock.after(wish.timeoutMs, () => {
          timedOut = true;
          end();
        });
  pty.onData((bytes) => handlers.onOutput('stdout', bytes));
  pty.onEnd((ended) => {
    ending = true;
    stopTimer();
    handlers.onEnd(ended.kind === 'exited' ? { ...ended, timedOut } : ended);
  });
  return {
    write: (bytes) => {
      pty.write(bytes);
      return Promise.resolve();
    },
    // A terminal has no end of input but the character for it.
    endInput: () => pty.write(new Uint8Array([4])),
    resize: (size) => pty.resize(size),
    pause: () => pty.pause(),
    resume: () => pty.resume(),
    end,
  };
}
