import { spawn } from 'node:child_process';
import { LmError } from '../../contract';

export interface ProgramEnd {
  /** Null: it could not be started, or was ended by a signal. */
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

export interface ProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Each whole line of the output. */
  readonly onLine?: (line: string) => void;
}

/** Of what is said, the last part is kept: it says how it ended. */
const keptCharacters = 256 * 1024;

/** Runs to the end; only `signal` makes it reject, with `cancelled`, when nothing of the program is left. */
export function runProgram(
  command: readonly [string, ...string[]],
  { env, signal, timeoutMs, onLine }: ProgramOptions,
): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new LmError('cancelled', 'It was cancelled.'));
      return;
    }
    const [program, ...rest] = command;
    const child = spawn(program, rest, {
      env,
      // Python looks for modules in its working folder first; in the person's own may lie what the sandbox put there.
      cwd: '/',
      // A group of its own: pip has children, which end with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    };
    const timer = timeoutMs === undefined ? null : setTimeout(kill, timeoutMs);
    signal?.addEventListener('abort', kill);
    let output = '';
    let errors = '';
    let line = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-keptCharacters);
      const lines = (line + text).split('\n');
      line = lines.pop() ?? '';
      if (onLine) for (const each of lines) onLine(each);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-keptCharacters);
    });
    const end = (exitCode: number | null) => {
      if (timer) clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
      if (signal?.aborted) reject(new LmError('cancelled', 'It was cancelled.'));
      else resolve({ exitCode, output, errors });
    };
    child.on('error', (error) => {
      errors += error.message;
      end(null);
    });
    child.on('close', end);
  });
}
