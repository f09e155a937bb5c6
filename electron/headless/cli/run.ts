import { randomUUID } from 'node:crypto';
import type { CommandChunk } from '../../contract';
import { parseArguments, parseDuration, type Arguments, type OptionTable } from './arguments';
import { CliFailure, exitCodes, failure, notRun, usage } from './failure';
import type { HostLink } from './host-link';
import { OutputWriter } from './output-writer';

export const runOptions: OptionTable = {
  cwd: 'value',
  env: 'list',
  timeout: 'value',
  'no-stdin': 'flag',
};
const windowBytes = 1024 * 1024;
const brokenPipeExitCode = 141;
type EndSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM';

export interface CommandWords {
  readonly command: readonly string[];
  readonly workingFolder: string | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number | null;
}

/** What `run` and `exec` have in common. */
export function readCommand(given: Arguments, verb: string): CommandWords {
  const timeout = given.value('timeout');
  return {
    command: given.rest ?? given.words,
    workingFolder: given.value('cwd'),
    environment: Object.fromEntries(given.list('env').map((text) => readVariable(text, verb))),
    timeoutMs: timeout === null ? null : parseDuration(timeout, verb),
  };
}

function readVariable(text: string, verb: string): [string, string] {
  const [name = '', ...value] = text.split('=');
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw usage(`“${text}” is no NAME=VALUE.`, verb);
  // As docker does: a bare name hands the caller's own value on.
  return [name, value.length > 0 || text.includes('=') ? value.join('=') : (process.env[name] ?? '')];
}

/** `run`: resolves with the exit code. */
export async function run(words: readonly string[], connect: (given: Arguments) => Promise<HostLink>) {
  const given = parseArguments(optionsFirst(words), 'run', runOptions);
  const wanted = readCommand(given, 'run');
  if (wanted.command.length === 0) throw usage('Nothing to run: write lm-sandbox run -- COMMAND.', 'run');
  if (given.rest !== null && given.words.length > 0) {
    throw usage(`“${given.words.join(' ')}” stands before --.`, 'run');
  }
  const link = await connect(given).catch(notRun);
  const id = randomUUID();
  const asJson = given.flag('json');
  const input = !given.flag('no-stdin');
  return new Promise<number>((resolve, reject) => {
    let signal: EndSignal | null = null;
    let broken: NodeJS.ErrnoException | null = null;
    const end = () => void link.call('commands.end', { id }).catch(() => undefined);
    const stopReading = (error: NodeJS.ErrnoException) => {
      broken = error;
      end();
    };
    const stdout = new OutputWriter(1, stopReading);
    const stderr = new OutputWriter(2);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        // The second one is from somebody who does not want to wait; the host ends the command all the same.
        if (signal !== null) endBySignal(name);
        signal = name;
        end();
      });
    }
    const finish = async (exit: CommandChunk & { kind: 'exit' }) => {
      // Who is in the way of the last bytes after a Ctrl+C is not waited for.
      if (signal === null) await Promise.all([stdout.flushed(), stderr.flushed()]);
      if (signal !== null) return endBySignal(signal);
      if (broken?.code === 'EPIPE') return brokenPipeExitCode;
      if (broken) throw notWritten(broken);
      if (exit.timedOut) {
        if (!asJson) await stderr.write('lm-sandbox: The command ran past its --timeout and was ended.\n');
        return exitCodes.timedOut;
      }
      if (exit.exitCode === null) throw failure('internal', 'Nobody could learn how the command ended.');
      return exit.exitCode;
    };
    const take = (chunk: CommandChunk): Promise<void> => {
      if (chunk.kind === 'exit') {
        const { exitCode, timedOut } = chunk;
        const told = asJson
          ? stdout.write(`${JSON.stringify({ type: 'exit', exitCode, timedOut })}\n`)
          : Promise.resolve();
        if (signal === null) void told.then(() => finish(chunk)).then(resolve, reject);
        else finish(chunk).then(resolve, reject);
        return told;
      }
      const writer = asJson || chunk.channel === 'stdout' ? stdout : stderr;
      if (signal !== null && writer.busy) return Promise.resolve();
      return writer.write(asJson ? asLine(chunk) : chunk.bytes);
    };
    link.watch('commands.run', { id, ...request(wanted), input, terminal: null }, windowBytes, {
      onChunk: (chunk, consumed) => void take(chunk).then(consumed),
      onEnd: () => undefined,
      onError: (error) => {
        const { exitCode } = new CliFailure(error.data, exitCodes.notRun);
        void stdout.flushed().then(() => reject(new CliFailure(error.data, exitCode)));
      },
    });
    if (input) void sendInput(link, id);
  });
}

function notWritten({ code, message }: NodeJS.ErrnoException): CliFailure {
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return failure(
    'storage_failed',
    full
      ? 'The output could not be written: there is no space left where it goes.'
      : `The output could not be written (${message}).`,
    full ? { text: 'Make space there, or write elsewhere, then run it again.' } : null,
    exitCodes.notRun,
  );
}

/**
 * As the signal itself would have ended this: shells end a loop then. `process.exit` would wait for a write that nobody
 * takes.
 */
export function endBySignal(name: EndSignal): never {
  process.removeAllListeners(name);
  process.kill(process.pid, name);
  // It comes before the next statement of this program does.
  throw new Error(`ended by ${name}`);
}

/** `run ls -l` needs no `--`: options of this program stand before the command. */
export function optionsFirst(words: readonly string[]): readonly string[] {
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '--') return words;
    if (!word.startsWith('-')) return [...words.slice(0, index), '--', ...words.slice(index)];
    const takesValue = /^(--(cwd|env|timeout|data-folder)|-[ew])$/.test(word);
    if (takesValue) index += 1;
  }
  return words;
}

export function request({ command, ...rest }: CommandWords) {
  return { command: command.length > 0 ? [...command] : null, ...rest };
}

/** Reads no further before the host has taken what was read. */
async function sendInput(link: HostLink, id: string): Promise<void> {
  const send = (data: Uint8Array, end: boolean) => link.call('commands.write', { id, data, end });
  try {
    for await (const piece of pieces(process.stdin)) await send(piece, false);
    await send(new Uint8Array(), true);
  } catch {
    // The command has ended, or its host; whoever waits for that hears of it.
  }
}

async function* pieces(input: NodeJS.ReadStream): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of input) if (piece instanceof Uint8Array) yield piece;
  } catch {
    // No standard input at all (closed, or a background job of a terminal) is an empty one.
  }
}

function asLine({ bytes, channel }: CommandChunk & { kind: 'output' }): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return `${JSON.stringify({ type: channel, text })}\n`;
  } catch {
    return `${JSON.stringify({ type: channel, base64: Buffer.from(bytes).toString('base64') })}\n`;
  }
}
