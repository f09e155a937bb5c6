import { LmError } from '../../contract';
import { runProgram } from './run-program';

/** What docker/gateway/pyproject.toml asks for. */
export const oldestPython = [3, 11] as const;
const lookMs = 10_000;
const report = 'import sys; print(*sys.version_info[:2], sys.executable)';

export interface Python {
  readonly program: string;
  readonly version: string;
}

/** What a look at one name found; null where there is no such program, or it is none. */
export function readReport(output: string): (Python & { readonly usable: boolean }) | null {
  const [, major, minor, program] = /^(\d+) (\d+) (.+)$/m.exec(output) ?? [];
  if (major === undefined || minor === undefined || program === undefined) return null;
  const usable =
    Number(major) > oldestPython[0] ||
    (Number(major) === oldestPython[0] && Number(minor) >= oldestPython[1]);
  return { program, version: `${major}.${minor}`, usable };
}

/**
 * The computer's own Python: what LM_SANDBOX_PYTHON names, else the first that is new enough. Rejects with
 * `unsupported` and the repair.
 */
export async function findPython(env: NodeJS.ProcessEnv, distribution: readonly string[]): Promise<Python> {
  const chosen = env['LM_SANDBOX_PYTHON'];
  const names = chosen
    ? [chosen]
    : ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', '/usr/bin/python3'];
  let tooOld: Python | null = null;
  for (const name of names) {
    const { exitCode, output } = await runProgram([name, '-I', '-c', report], { env, timeoutMs: lookMs });
    const found = exitCode === 0 ? readReport(output) : null;
    if (found?.usable) return found;
    tooOld ??= found;
  }
  const wanted = oldestPython.join('.');
  throw new LmError(
    'unsupported',
    tooOld
      ? `The API needs Python ${wanted} or newer; this computer has ${tooOld.version}.`
      : `The API needs Python ${wanted} or newer, and this computer has no Python.`,
    { repair: installRepair(distribution, chosen), retryable: true },
  );
}

const installCommands: readonly (readonly [distribution: string, command: string])[] = [
  ['debian', 'sudo apt install python3 python3-venv'],
  ['ubuntu', 'sudo apt install python3 python3-venv'],
  ['fedora', 'sudo dnf install python3 python3-pip'],
  ['rhel', 'sudo dnf install python3.12 python3.12-pip'],
  ['arch', 'sudo pacman -S python python-pip'],
  ['suse', 'sudo zypper install python311 python311-pip'],
  ['opensuse', 'sudo zypper install python311 python311-pip'],
  ['alpine', 'sudo apk add python3 py3-pip'],
];

export function installRepair(
  distribution: readonly string[],
  chosen?: string,
): { readonly text: string; readonly command?: string } {
  if (chosen) return { text: `LM_SANDBOX_PYTHON names ${chosen}; let it name a newer one, then try again.` };
  const command = installCommands.find(([name]) => distribution.includes(name))?.[1];
  return command
    ? { text: 'Install it, then try again.', command }
    : { text: "Install Python with pip by this system's package manager, then try again." };
}
