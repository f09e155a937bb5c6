import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Context } from './context';
import { CliFailure, exitCodes, failure, notRun } from './failure';
import { OutputWriter } from './output-writer';
import { endBySignal, readCommand, request } from './run';

export const execOptions = { cwd: 'value', env: 'list', timeout: 'value' } as const;
const windowBytes = 512 * 1024;
const smallest = { columns: 2, rows: 1 };

/**
 * What a program that was cut off leaves behind: the other screen, a hidden cursor, mouse reports, bracketed paste,
 * keys of applications, a style.
 */
const plainAgain =
  '\u001b[?1049l\u001b[?25h\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?1006l\u001b[?2004l\u001b[?1l\u001b>\u001b[0m';

/** A shell, or a program, on this terminal. */
export async function exec(context: Context): Promise<number> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) {
    throw failure(
      'invalid_input',
      'exec needs a terminal for its input and its output.',
      { text: 'Without one:', command: 'lm-sandbox run -- COMMAND' },
      exitCodes.notRun,
    );
  }
  const wanted = readCommand(context.given, 'exec');
  const link = await context.connect().catch(notRun);
  const id = randomUUID();
  const size = () => ({
    columns: Math.max(smallest.columns, stdout.columns),
    rows: Math.max(smallest.rows, stdout.rows),
  });
  const writer = new OutputWriter(1);
  const leave = () => {
    stdin.setRawMode(false);
    stdin.pause();
  };
  process.on('exit', leave);
  return new Promise<number>((resolve, reject) => {
    // Ctrl+C is a byte for the program inside; these come from elsewhere.
    for (const name of ['SIGTERM', 'SIGHUP'] as const) {
      process.once(name, () => {
        link.call('commands.end', { id }).then(
          () => undefined,
          () => undefined,
        );
        leave();
        void writer.write(plainAgain).then(() => endBySignal(name));
      });
    }
    link.watch('commands.run', { id, ...request(wanted), input: true, terminal: size() }, windowBytes, {
      onChunk: (chunk, consumed) => {
        if (chunk.kind === 'output') {
          void writer.write(chunk.bytes).then(consumed);
          return;
        }
        const { exitCode, timedOut } = chunk;
        void writer.flushed().then(() => {
          leave();
          resolve(timedOut ? exitCodes.timedOut : (exitCode ?? exitCodes.notRun));
        });
      },
      onEnd: () => undefined,
      onError: (error) => {
        void writer.write(plainAgain).then(() => {
          leave();
          reject(new CliFailure(error.data, exitCodes.notRun));
        });
      },
    });
    stdin.setRawMode(true);
    // Node still turns line feeds into two characters, which a program inside that moves the cursor by them does not
    // expect. What `setRawMode(false)` restores is what was before both.
    spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
    let typed: Promise<unknown> = Promise.resolve();
    stdin.on('data', (data: Buffer) => {
      // What is typed or pasted must not wait in ever larger pieces.
      stdin.pause();
      typed = link.call('commands.write', { id, data, end: false }).then(
        () => stdin.resume(),
        () => undefined,
      );
    });
    stdout.on('resize', () => {
      void typed.then(() => link.call('commands.resize', { id, size: size() })).catch(() => undefined);
    });
  });
}
