import { spawn } from 'node:child_process';
import { LmError } from '../../contract';
import type { ContainerProcessHandlers, ContainerProcessRunner } from '../../services/gpu/ports';

type ProcessOutcome = Parameters<ContainerProcessHandlers['onEnd']>[0];

/** A line of nvidia-smi is some hundred characters. */
const maxLineCharacters = 64 * 1024;

/** Programs on this computer itself, for a port that runs them in containers. They end with this process. */
export function createHostProcessRunner(env: NodeJS.ProcessEnv = process.env): ContainerProcessRunner {
  return {
    start: (_id, [program = '', ...rest], handlers) => {
      const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
      let silent = false;
      const end = (outcome: ProcessOutcome) => {
        if (silent) return;
        silent = true;
        handlers.onEnd(outcome);
      };
      for (const source of ['stdout', 'stderr'] as const) {
        let rest = '';
        child[source].setEncoding('utf8').on('data', (text: string) => {
          const lines = (rest + text).split('\n');
          rest = (lines.pop() ?? '').slice(-maxLineCharacters);
          for (const line of lines) if (!silent) handlers.onLine(source, line.replace(/\r$/, ''));
        });
        child[source].on('end', () => {
          if (rest !== '' && !silent) handlers.onLine(source, rest);
        });
      }
      child.on('error', (error) =>
        end({ error: new LmError('gpu_unavailable', `${program} cannot be run: ${error.message}.`) }),
      );
      child.on('close', (exitCode) => end({ exitCode }));
      const killed = () => child.kill('SIGKILL');
      process.once('exit', killed);
      child.on('close', () => process.off('exit', killed));
      return () => {
        silent = true;
        child.kill('SIGTERM');
      };
    },
  };
}
