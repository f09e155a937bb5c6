import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { LmError } from '../../contract';
import type { Launch } from '../../services/embedded';
import type { ProcessStarter } from '../../services/commands/ports';
import { openPipes } from './pipes';

/** Programs of this computer on three pipes, in a process group of their own: a Ctrl+C of ours is not theirs. */
export function createProcessStarter(): ProcessStarter {
  return {
    start: async (launch, { input }, handlers) => {
      const [forInput, forOutput, forErrors] = await openPipes();
      let child: ChildProcess;
      try {
        child = spawnOn(launch, [
          input ? forInput.readEnd : 'ignore',
          forOutput.writeEnd,
          forErrors.writeEnd,
        ]);
      } catch (error) {
        for (const end of [forInput.writeEnd, forOutput.readEnd, forErrors.readEnd]) closeSync(end);
        throw notStarted(launch, error);
      } finally {
        // The other end sees the end only when nobody but the program has these.
        for (const end of [forInput.readEnd, forOutput.writeEnd, forErrors.writeEnd]) closeSync(end);
      }
      const stdin = new Socket({ fd: forInput.writeEnd, readable: false, writable: true });
      const stdout = new Socket({ fd: forOutput.readEnd, readable: true, writable: false });
      const stderr = new Socket({ fd: forErrors.readEnd, readable: true, writable: false });
      if (!input) stdin.destroy();
      // A program that ends before its input does is no failure.
      stdin.on('error', () => undefined);
      stdout.on('data', (bytes: Buffer) => handlers.onOutput('stdout', bytes));
      stderr.on('data', (bytes: Buffer) => handlers.onOutput('stderr', bytes));
      child.once('exit', (code, signal) =>
        handlers.onExit(code ?? 128 + (signal ? constants.signals[signal] : 0)),
      );
      const closed = [stdout, stderr].map((each) => new Promise((resolve) => each.once('close', resolve)));
      child.once('exit', () => {
        stdin.destroy();
        void Promise.all(closed).then(() => handlers.onClose());
      });
      try {
        await once(child, 'spawn');
      } catch (error) {
        stdin.destroy();
        throw notStarted(launch, error);
      }
      return {
        processId: child.pid ?? 0,
        write: (bytes) =>
          new Promise((taken) => {
            if (stdin.destroyed) taken();
            else stdin.write(bytes, () => taken());
          }),
        endInput: () => stdin.end(),
        pause: () => {
          stdout.pause();
          stderr.pause();
        },
        resume: () => {
          stdout.resume();
          stderr.resume();
        },
      };
    },
  };
}

function spawnOn(launch: Launch, stdio: readonly ('ignore' | number)[]): ChildProcess {
  const [program, ...programArguments] = launch.command;
  return spawn(program, programArguments, {
    cwd: launch.workingFolder,
    env: { ...launch.environment },
    stdio: [...stdio],
    detached: true,
  });
}

function notStarted({ command: [program], workingFolder }: Launch, error: unknown): LmError {
  // The system says the same of a missing folder as of a missing program.
  if (!statSync(workingFolder, { throwIfNoEntry: false })?.isDirectory()) {
    return new LmError('not_found', `There is no folder ${workingFolder}.`, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new LmError('internal', `${program} cannot be started on this computer: ${reason}.`, {
    cause: error,
  });
}
