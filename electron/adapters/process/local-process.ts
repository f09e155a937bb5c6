import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { LmError } from '../../contract';
import type { ProcessStarter } from '../../services/commands/ports';

/** Programs of this computer on three pipes, in a process group of their own: a Ctrl+C of ours is not theirs. */
export function createProcessStarter(): ProcessStarter {
  return {
    start: (launch, { input }, handlers) =>
      new Promise((resolve, reject) => {
        const [program, ...programArguments] = launch.command;
        const child = spawn(program, programArguments, {
          cwd: launch.workingFolder,
          env: { ...launch.environment },
          stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
          detached: true,
        });
        const { stderr, stdin, stdout } = child;
        child.once('error', (error) => reject(notStarted(program, error)));
        child.once('exit', (code, signal) =>
          handlers.onExit(code ?? 128 + (signal ? constants.signals[signal] : 0)),
        );
        child.once('close', () => handlers.onClose());
        stdout?.on('data', (bytes: Buffer) => handlers.onOutput('stdout', bytes));
        stderr?.on('data', (bytes: Buffer) => handlers.onOutput('stderr', bytes));
        // A program that ends before its input does is no failure.
        stdin?.on('error', () => undefined);
        child.once('spawn', () =>
          resolve({
            processId: child.pid ?? 0,
            write: (bytes) =>
              new Promise((taken) => {
                if (!stdin || stdin.destroyed) taken();
                else stdin.write(bytes, () => taken());
              }),
            endInput: () => stdin?.end(),
            pause: () => {
              stdout?.pause();
              stderr?.pause();
            },
            resume: () => {
              stdout?.resume();
              stderr?.resume();
            },
          }),
        );
      }),
  };
}

function notStarted(program: string, error: Error): LmError {
  return new LmError('internal', `${program} cannot be started on this computer: ${error.message}.`, {
    cause: error,
  });
}
