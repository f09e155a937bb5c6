import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll } from 'vitest';
import { localDoorPath, localHostClient } from '../../../electron/headless/local';

/** The program as it is built; `scripts/lm-sandbox.mjs` hands over to it. */
export const program = join(__dirname, '../../../out/main/cli.cjs');

export interface Outcome {
  /** 128 + N after signal N, as a shell has it. */
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly ended: Promise<Outcome>;
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** A data folder of its own, and the program in it. */
export class Cli {
  dataFolder = '';

  constructor(
    readonly env: NodeJS.ProcessEnv,
    private readonly file = program,
  ) {}

  start(...words: readonly string[]): Started {
    const child = spawn(process.execPath, [this.file, ...words], {
      env: { ...process.env, ...this.env, LM_SANDBOX_DATA_FOLDER: this.dataFolder },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // A command that reads no more ends before its input does.
    child.stdin.on('error', () => undefined);
    const ended = new Promise<Outcome>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) =>
        resolve({
          code: code ?? 128 + (signalNumbers[signal ?? ''] ?? 0),
          stdout: Buffer.concat(stdout),
          stderr,
        }),
      );
    });
    return { child, ended };
  }

  /** With an empty input. */
  async run(...words: readonly string[]): Promise<Outcome & { readonly text: string }> {
    const { child, ended } = this.start(...words);
    child.stdin.end();
    const outcome = await ended;
    return { ...outcome, text: outcome.stdout.toString('utf8') };
  }

  /** Without an input, and with a standard output that is this file. */
  runTo(
    file: string,
    ...words: readonly string[]
  ): { readonly code: number | null; readonly stderr: string } {
    const redirected = ['-c', 'exec "$@" > "$0"', file, process.execPath, program, ...words];
    const { status, stderr } = spawnSync('/bin/sh', redirected, {
      env: { ...process.env, ...this.env, LM_SANDBOX_DATA_FOLDER: this.dataFolder },
      stdio: ['ignore', 'inherit', 'pipe'],
      encoding: 'utf8',
    });
    return { code: status, stderr };
  }

  async hostRuns(): Promise<boolean> {
    const local = await localHostClient(localDoorPath(this.dataFolder));
    local?.close();
    return local !== null;
  }

  async open(settings: object): Promise<void> {
    this.dataFolder = await mkdtemp(join(tmpdir(), 'lm-sandbox-cli-'));
    await writeFile(join(this.dataFolder, 'settings.json'), JSON.stringify({ version: 1, settings }));
  }

  async close(): Promise<void> {
    await this.run('down', '--host');
    // Its files are closed a moment after its answer.
    await rm(this.dataFolder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** For the tests of a suite. */
export function useCli(cli: Cli, settings: object): Cli {
  beforeAll(() => cli.open(settings));
  afterAll(() => cli.close());
  return cli;
}

/** Process ids of every `sleep SECONDS` on this computer, in whatever container or sandbox. */
export async function sleeping(seconds: string): Promise<string[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      return text === `sleep\0${seconds}\0` ? name : null;
    }),
  );
  return found.filter((name) => name !== null);
}

/** A number of seconds that no other process sleeps for. */
export function markedSeconds(): string {
  return `98765.${String(randomInt(1_000_000_000))}`;
}
