import { spawn } from 'node:child_process';
import { chown, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddedRuntime } from '../../../electron/adapters/bubblewrap';
import { LmError } from '../../../electron/contract';
import type {
  EmbeddedRuntime,
  EmbeddedWishes,
  Launch,
  PreparedPlace,
} from '../../../electron/services/embedded';
import { findProgram } from '../../support/process.mjs';
import { Unavailable } from '../../support/report.mjs';
import { ensureSystemPackages } from '../../support/system-packages.mjs';

/** Nobody on a usual computer. */
export const ordinaryUserId = 48_211;

/** Null where bubblewrap can be tested; else why not, for a skipped test's name. */
export async function whyNoBubblewrap(): Promise<string | null> {
  if (process.platform !== 'linux') return 'needs Linux';
  if (!findProgram('bwrap')) {
    try {
      await ensureSystemPackages(['isolation']);
    } catch (error) {
      if (error instanceof Unavailable) return error.message;
      throw error;
    }
  }
  const place = await openPlace(process.getuid?.() ?? null, {});
  const refusal = place.refusal;
  await place.remove();
  return refusal;
}

export interface TestPlace {
  readonly userId: number | null;
  readonly dataFolder: string;
  /** A folder like a person's home, beside the sandbox's. */
  readonly victim: string;
  readonly runtime: EmbeddedRuntime;
  /** Throws where bubblewrap was refused. */
  readonly prepared: PreparedPlace;
  readonly refusal: string | null;
  remove(): Promise<void>;
}

/** The embedded sandbox as it is for a user, with folders of its own. */
export async function openPlace(userId: number | null, wishes: Partial<EmbeddedWishes>): Promise<TestPlace> {
  const root = process.getuid?.() === 0;
  const dataFolder = await mkdtemp(join(tmpdir(), 'lm-sandbox-embedded-'));
  const victim = await mkdtemp(join(root ? '/home' : homedir(), '.lm-sandbox-victim-'));
  const runtime = createEmbeddedRuntime({ dataFolder, env: process.env, userId });
  await runtime.prepareFolders();
  let prepared: PreparedPlace | null = null;
  let refusal: string | null = null;
  try {
    prepared = await runtime.tryBubblewrap({
      ...{ network: false, processes: 256, memoryBytes: null, cpus: null },
      ...wishes,
    });
  } catch (error) {
    const said = error instanceof LmError ? error.data.details.said : null;
    refusal = error instanceof Error ? error.message : String(error);
    if (said) refusal += ` (${String(said)})`;
  }
  if (root && userId !== 0 && userId !== null) {
    await give(dataFolder, userId);
    await chown(victim, userId, userId);
  }
  return {
    userId,
    dataFolder,
    victim,
    runtime,
    get prepared() {
      if (!prepared) throw new Error(refusal ?? 'not prepared');
      return prepared;
    },
    refusal,
    remove: async () => {
      await prepared?.release();
      await rm(dataFolder, { recursive: true, force: true });
      await rm(victim, { recursive: true, force: true });
    },
  };
}

/** A folder with everything in it to a user. */
export async function give(folder: string, userId: number): Promise<void> {
  await chown(folder, userId, userId);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await give(path, userId);
    else await chown(path, userId, userId);
  }
}

export interface Outcome {
  readonly exitCode: number | null;
  readonly output: string;
}

export interface RunOptions {
  readonly userId: number | null;
  /** Put before the command, such as a program that arranges what the command inherits. */
  readonly prefix?: readonly string[];
  /** Open as descriptor 5 in the first process. */
  readonly inherited?: number;
  readonly timeoutMs?: number;
}

/** Runs a launch to its end as a user, with both outputs in one text. */
export function runLaunch(launch: Launch, options: RunOptions): Promise<Outcome> {
  const [program = '', ...rest] = [...asUser(options.userId), ...(options.prefix ?? []), ...launch.command];
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      env: { ...launch.environment },
      cwd: launch.workingFolder,
      stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'ignore', options.inherited ?? 'ignore'],
      timeout: options.timeoutMs ?? 20_000,
      killSignal: 'SIGKILL',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, output }));
  });
}

/** What changes root into a user before a command; nothing where this is that user already. */
export function asUser(userId: number | null): string[] {
  if (userId === null || userId === process.getuid?.()) return [];
  return ['setpriv', `--reuid=${userId}`, `--regid=${userId}`, '--clear-groups', '--'];
}

/** A launch of the same program on the computer itself, with nothing taken away. */
export function plainLaunch(
  launchOf: readonly [string, ...string[]],
  environment: Record<string, string>,
): Launch {
  return {
    command: launchOf,
    environment: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: '/', ...environment },
    workingFolder: '/',
  };
}

export async function makeFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return path;
}
