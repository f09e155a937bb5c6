import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { EmbeddedLimit } from '../../contract';
import type { EmbeddedWishes } from '../../services/embedded/ports';

const execute = promisify(execFile);
const trialMs = 5_000;
/** Of everything the embedded sandbox runs, so that a limit holds for all of it together. */
const slice = 'lmsandbox.slice';

/** How programs get below a control group that holds memory and CPU. */
export interface ResourceControl {
  readonly heldBy: Exclude<EmbeddedLimit['heldBy'], 'process-limit'>;
  readonly problem: string | null;
  /** Before the program, on this computer. */
  readonly prefix: readonly string[];
  /** For `prefix` only, beside the sandbox's own variables; the launcher takes them away again. */
  readonly environment: Readonly<Record<string, string>>;
  /** The process writes its number into this file before it becomes the program; null: nothing to join. */
  readonly joinFile: string | null;
  release(): Promise<void>;
}

const releaseNothing = async () => undefined;
const nothing: ResourceControl = {
  heldBy: null,
  problem: null,
  prefix: [],
  environment: {},
  joinFile: null,
  release: releaseNothing,
};

/** What systemd's own tools need to find their manager. */
const busVariables = ['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'];

/**
 * Finds who can hold memory and CPU: systemd (the user's own, or the system's for root), or a control group of
 * version 2 that this process may make. Without such a wish nothing is tried.
 */
export async function findResourceControl(
  wishes: Pick<EmbeddedWishes, 'memoryBytes' | 'cpus' | 'processes'>,
  env: NodeJS.ProcessEnv,
  groupRoot = '/sys/fs/cgroup',
): Promise<ResourceControl> {
  if (wishes.memoryBytes === null && wishes.cpus === null) return nothing;
  const asked = await trySystemd(wishes, env);
  if (typeof asked !== 'string') return asked;
  const made = await tryControlGroup(wishes, groupRoot);
  if (typeof made !== 'string') return made;
  return {
    ...nothing,
    problem: `Neither systemd (${asked}) nor a control group (${made}) can hold it here.`,
  };
}

async function trySystemd(
  wishes: Pick<EmbeddedWishes, 'memoryBytes' | 'cpus' | 'processes'>,
  env: NodeJS.ProcessEnv,
): Promise<ResourceControl | string> {
  const whose = process.getuid?.() === 0 ? [] : ['--user'];
  const environment: Record<string, string> = {};
  for (const name of busVariables) {
    const value = env[name];
    if (value !== undefined) environment[name] = value;
  }
  const options = { env: { PATH: env.PATH, ...environment }, timeout: trialMs };
  const prefix = ['systemd-run', ...whose, '--scope', '--quiet', '--collect', `--slice=${slice}`, '--'];
  try {
    // All of them: what an earlier start had set would hold on.
    const properties = [
      `MemoryMax=${wishes.memoryBytes ?? 'infinity'}`,
      `MemorySwapMax=${wishes.memoryBytes === null ? 'infinity' : 0}`,
      `CPUQuota=${wishes.cpus === null ? '' : `${Math.round(wishes.cpus * 100)}%`}`,
      `TasksMax=${wishes.processes}`,
    ];
    await execute('systemctl', [...whose, 'set-property', '--runtime', slice, ...properties], options);
    const [program = '', ...rest] = prefix;
    await execute(program, [...rest, 'true'], options);
    return {
      heldBy: 'systemd',
      problem: null,
      prefix,
      environment,
      joinFile: null,
      release: releaseNothing,
    };
  } catch (error) {
    return lastLine(error);
  }
}

async function tryControlGroup(
  wishes: Pick<EmbeddedWishes, 'memoryBytes' | 'cpus' | 'processes'>,
  root: string,
): Promise<ResourceControl | string> {
  const folder = path.join(root, `lm-sandbox-${randomUUID().slice(0, 8)}`);
  try {
    const offered = (await readFile(path.join(root, 'cgroup.controllers'), 'utf8')).split(/\s+/);
    const wanted = [
      ...(wishes.memoryBytes === null ? [] : ['memory']),
      ...(wishes.cpus === null ? [] : ['cpu']),
      'pids',
    ];
    const lacking = wanted.filter((name) => !offered.includes(name));
    if (lacking.length > 0) return `${root} offers no ${lacking.join(', ')}`;
    await writeFile(path.join(root, 'cgroup.subtree_control'), wanted.map((name) => `+${name}`).join(' '));
    await mkdir(folder);
    const periodUs = 100_000;
    if (wishes.memoryBytes !== null) {
      await writeFile(path.join(folder, 'memory.max'), String(wishes.memoryBytes));
    }
    if (wishes.cpus !== null) {
      await writeFile(path.join(folder, 'cpu.max'), `${Math.round(wishes.cpus * periodUs)} ${periodUs}`);
    }
    await writeFile(path.join(folder, 'pids.max'), String(wishes.processes));
    const joinFile = path.join(folder, 'cgroup.procs');
    // To move a process takes rights in the group it comes from too.
    await execute('/bin/sh', ['-c', 'echo $$ > "$1"', 'sh', joinFile], { timeout: trialMs });
    return {
      heldBy: 'control-group',
      problem: null,
      prefix: [],
      environment: {},
      joinFile,
      release: () => rmdir(folder),
    };
  } catch (error) {
    await rmdir(folder).catch(() => undefined);
    return lastLine(error);
  }
}

function lastLine(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  const text = said || (error instanceof Error ? error.message : String(error));
  return (text.split('\n').at(-1) ?? text).slice(0, 200);
}
