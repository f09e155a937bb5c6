import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import type { EmbeddedLimits } from '../../contract';
import type { EmbeddedRuntime, EmbeddedWishes, Launch } from '../../services/embedded/ports';
import { insideHome, insideWorkspace, nobodyId } from './arguments';
import { endLaunch } from './ending';
import { emptyFolder, prepareFolders, sandboxFolders, systemCallFilterFile } from './folders';
import { readKernelFacts } from './kernel-facts';
import { bubblewrapLaunch, openFilesLimit, plainLaunch, type BubblewrapLauncher } from './launcher';
import { findResourceControl, type ResourceControl } from './limits';
import { bubblewrapMissing, bubblewrapRefused } from './refusals';
import { readSystemFacts } from './system-facts';

const trialMs = 10_000;

export interface EmbeddedRuntimeOptions {
  readonly dataFolder: string;
  readonly env: NodeJS.ProcessEnv;
  /**
   * Path of bubblewrap, null for none; by default what LM_SANDBOX_BUBBLEWRAP names, else the first on PATH, then in the
   * usual places.
   */
  readonly program?: string | null;
  /** Whose process this is; for tests, which are root and look at what others get too. */
  readonly userId?: number | null;
}

/** This computer as the embedded sandbox's place. Looks at nothing and makes nothing before it is asked. */
export function createEmbeddedRuntime(options: EmbeddedRuntimeOptions): EmbeddedRuntime {
  const { dataFolder, env, program, userId = process.getuid?.() ?? null } = options;
  const folders = sandboxFolders(dataFolder);
  const asRoot = userId === 0;
  const shell = existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh';
  const locale = pick(env, ['LANG', 'LC_ALL', 'LC_CTYPE', 'TZ']);

  return {
    folders: { home: folders.home, workspace: folders.workspace },
    inside: { home: insideHome, workspace: insideWorkspace },
    prepareFolders: () => prepareFolders(folders, asRoot ? nobodyId : null, shell),
    clearTemporaryFiles: () => emptyFolder(folders.temporary),

    tryBubblewrap: async (wishes) => {
      const facts = await readKernelFacts(asRoot);
      const found = program === undefined ? findBubblewrap(env) : program;
      if (found === null) throw bubblewrapMissing(facts);
      const user = asRoot ? ('separate-user' as const) : ('own' as const);
      const control = await findResourceControl(wishes, env);
      const launcher: BubblewrapLauncher = {
        ...{ program: found, shell, control, locale },
        view: { facts: await readSystemFacts(), folders, user, network: wishes.network },
        filterFile: systemCallFilterFile(folders),
        processes: wishes.processes,
      };
      const trial = await run(
        bubblewrapLaunch(launcher, {
          command: [shell, '-c', 'true && ulimit -H -u && ulimit -H -n'],
          terminal: false,
        }),
      );
      if (trial.exitCode !== 0) {
        await control.release();
        throw bubblewrapRefused(found, { exitCode: trial.exitCode, message: trial.stderr }, facts);
      }
      const version = await run({ command: [found, '--version'], environment: {}, workingFolder: '/' });
      return {
        isolation: {
          kind: 'bubblewrap',
          version: version.stdout.replace(/^bubblewrap\s+/, '').trim(),
          user,
          systemCallFilter: launcher.filterFile !== null,
        },
        limits: limitsOf(wishes, control, trial.stdout),
        launch: (request) => bubblewrapLaunch(launcher, request),
        release: () => control.release(),
      };
    },

    withoutIsolation: async (wishes, isolation) => {
      const environment = pick(env, ['PATH', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ']);
      return {
        isolation,
        limits: limitsWithoutIsolation(wishes),
        launch: (request) => plainLaunch(folders, env.SHELL ?? shell, environment, request),
        release: async () => undefined,
      };
    },

    end: endLaunch,
  };
}

function findBubblewrap(env: NodeJS.ProcessEnv): string | null {
  if (env.LM_SANDBOX_BUBBLEWRAP) return env.LM_SANDBOX_BUBBLEWRAP;
  const folders = [...(env.PATH ?? '').split(path.delimiter), '/usr/bin', '/usr/local/bin', '/bin'];
  for (const folder of folders.filter((each) => path.isAbsolute(each))) {
    const candidate = path.join(folder, 'bwrap');
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not there; the next one.
    }
  }
  return null;
}

function pick(env: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = env[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

/** What holds, from what a program inside read of its own limits. */
function limitsOf(wishes: EmbeddedWishes, control: ResourceControl, printed: string): EmbeddedLimits {
  const [processes, openFiles] = printed.split('\n').map(Number);
  const own = (wanted: number, has: number | undefined) => {
    const holds = has !== undefined && has <= wanted;
    return {
      wanted,
      heldBy: holds ? ('process-limit' as const) : null,
      problem: holds ? null : 'The system did not take it.',
    };
  };
  const shared = (wanted: number | null) => ({
    wanted,
    heldBy: wanted === null ? null : control.heldBy,
    problem: wanted === null ? null : control.problem,
  });
  return {
    processes: own(wishes.processes, processes),
    openFiles: own(openFilesLimit, openFiles),
    memoryBytes: shared(wishes.memoryBytes),
    cpus: shared(wishes.cpus),
  };
}

function limitsWithoutIsolation(wishes: EmbeddedWishes): EmbeddedLimits {
  const none = (wanted: number | null) => ({
    wanted,
    heldBy: null,
    problem:
      wanted === null ? null : 'Programs that are not isolated have the limits of your other programs.',
  });
  return {
    processes: none(wishes.processes),
    openFiles: none(null),
    memoryBytes: none(wishes.memoryBytes),
    cpus: none(wishes.cpus),
  };
}

interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs to the end, at most for `trialMs`. */
function run(launch: Launch): Promise<Outcome> {
  return new Promise((resolve) => {
    const [program, ...rest] = launch.command;
    const child = spawn(program, rest, {
      env: { ...launch.environment },
      cwd: launch.workingFolder,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: trialMs,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error) => resolve({ exitCode: null, stdout, stderr: error.message }));
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}
