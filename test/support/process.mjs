/**
 * Child processes for set-up code: output kept, progress passed on, nothing left behind.
 * @module
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] The whole environment; default is this process's own.
 * @property {number} [timeoutMs] Default 10 minutes. The whole process group is killed when it is over.
 * @property {string} [input] Written to standard input, which is then closed.
 * @property {AbortSignal} [signal]
 * @property {(line: string) => void} [onLine] Sees every line of both outputs as it arrives.
 * @property {boolean} [allowFailure] Resolve with a non-zero exit code instead of rejecting.
 */

/**
 * @typedef {object} RunResult
 * @property {number} code Exit code; 128 plus the signal's place is never invented, a killed child gives -1.
 * @property {string} stdout
 * @property {string} stderr
 */

const KEPT_OUTPUT_CHARACTERS = 4 * 1024 * 1024;
const SHOWN_TAIL_LINES = 25;

/** A command ended with an error; the message carries the end of what it wrote. */
export class CommandFailed extends Error {
  /**
   * @param {string} message
   * @param {RunResult} result
   */
  constructor(message, result) {
    super(message);
    this.name = 'CommandFailed';
    this.result = result;
  }
}

/** @type {Set<number>} Process groups started by `run` and not ended yet. */
const running = new Set();

/** @param {number} group @param {NodeJS.Signals} signal */
function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
  } catch {
    // The group has already gone, which is what was wanted.
  }
}

// A child of its own process group does not hear the terminal's Ctrl-C, so it is ended here instead.
process.once('exit', () => {
  for (const group of running) signalGroup(group, 'SIGKILL');
});

/**
 * Runs a command to its end.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<RunResult>}
 * @throws {CommandFailed} When it exits non-zero (unless `allowFailure`), is killed or takes too long.
 */
export function run(command, args, options = {}) {
  const timeoutMs = options.timeoutMs ?? 600_000;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      detached: true,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const shown = [command, ...args].join(' ');
    const result = { code: -1, stdout: '', stderr: '' };
    /** @type {string | undefined} */
    let endedBecause;
    const group = child.pid;
    if (group !== undefined) running.add(group);
    const end = (/** @type {string} */ reason) => {
      endedBecause ??= reason;
      if (group !== undefined) signalGroup(group, 'SIGKILL');
    };
    const timer = setTimeout(() => end(`took longer than ${timeoutMs / 1000} s`), timeoutMs);
    const abort = () => end('was cancelled');
    if (options.signal?.aborted) abort();
    options.signal?.addEventListener('abort', abort, { once: true });

    collect(child.stdout, (text) => (result.stdout = keepEnd(result.stdout + text)), options.onLine);
    collect(child.stderr, (text) => (result.stderr = keepEnd(result.stderr + text)), options.onLine);
    child.stdin?.on('error', () => {
      // A child that does not read its input (EPIPE) reports itself through its exit code.
    });
    child.stdin?.end(options.input);

    const settle = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      if (group !== undefined) running.delete(group);
    };
    child.once('error', (error) => {
      settle();
      reject(new CommandFailed(`${shown} could not be started: ${error.message}`, result));
    });
    child.once('close', (code, signal) => {
      settle();
      result.code = code ?? -1;
      const why = endedBecause ?? (code === null ? `was ended by ${signal}` : `exited with ${code}`);
      if (endedBecause === undefined && (code === 0 || (options.allowFailure && code !== null))) {
        resolve(result);
      } else {
        const tail = `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-SHOWN_TAIL_LINES);
        reject(new CommandFailed(`${shown} ${why}\n${tail.join('\n')}`, result));
      }
    });
  });
}

/** @param {string} text */
function keepEnd(text) {
  return text.length > KEPT_OUTPUT_CHARACTERS ? text.slice(-KEPT_OUTPUT_CHARACTERS) : text;
}

/**
 * @param {import('node:stream').Readable | null} stream
 * @param {(text: string) => void} keep
 * @param {((line: string) => void) | undefined} onLine
 */
function collect(stream, keep, onLine) {
  if (stream === null) return;
  stream.setEncoding('utf8');
  let rest = '';
  stream.on('data', (/** @type {string} */ text) => {
    keep(text);
    if (onLine === undefined) return;
    const lines = (rest + text).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (onLine !== undefined && rest !== '') onLine(rest);
  });
}

/**
 * @param {string} program
 * @param {string} [searchPath] Default: PATH, and the folders of system programs an ordinary PATH leaves out.
 * @returns {string | undefined} Where it lies.
 */
export function findProgram(program, searchPath) {
  const folders = (searchPath ?? `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`).split(
    delimiter,
  );
  for (const folder of folders) {
    if (folder === '') continue;
    const candidate = join(folder, program);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this folder; the next one may have it.
    }
  }
  return undefined;
}
