import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LmError } from '../../contract';
import type { PreparationProgress } from '../../services/local-api/ports';
import { pipFailure } from './pip-failure';
import { findPython, installRepair, type Python } from './python';
import { runProgram } from './run-program';

const completeMark = '.complete';
const pipAnswersMs = 20_000;

export interface EnvironmentOptions {
  /** Environments are folders of it, named by what is in them. */
  readonly folder: string;
  readonly requirementsFile: string;
  readonly env: NodeJS.ProcessEnv;
  readonly distribution: readonly string[];
}

/**
 * The Python program of an environment that holds exactly the locked packages, by their hashes; made by the
 * computer's own pip, so that its index, proxy and certificates apply. Older ones are removed.
 */
export async function ensureEnvironment(
  options: EnvironmentOptions,
  tell: (progress: PreparationProgress) => void,
  signal: AbortSignal,
): Promise<string> {
  const { folder, env, distribution } = options;
  const python = await findPython(env, distribution);
  const requirements = await readFile(options.requirementsFile, 'utf8');
  const name = createHash('sha256')
    .update(`${python.program}\n${python.version}\n${requirements}`)
    .digest('hex')
    .slice(0, 16);
  const target = path.join(folder, name);
  const program = path.join(target, 'bin', 'python');
  const complete = path.join(target, completeMark);
  const works = async () => {
    const mark = await readFile(complete, 'utf8').catch(() => null);
    if (mark === null) return false;
    // The Python that it stands on may have gone.
    const { exitCode } = await runProgram([program, '-I', '-c', 'import uvicorn'], { env });
    return exitCode === 0;
  };
  if (await works()) return program;
  try {
    await rm(target, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await install({ ...options, python, target, program, requirements, tell, signal });
    await writeFile(complete, `${python.version}\n`);
    for (const other of await readdir(folder)) {
      if (other !== name) await rm(path.join(folder, other), { recursive: true, force: true });
    }
  } catch (error) {
    await rm(target, { recursive: true, force: true }).catch(() => undefined);
    if (error instanceof LmError) throw error;
    throw new LmError('storage_failed', `The Python environment of the API cannot be made in ${folder}.`, {
      details: { reason: error instanceof Error ? error.message : String(error) },
      retryable: true,
      cause: error,
    });
  }
  return program;
}

async function install({
  python,
  target,
  program,
  requirementsFile,
  requirements,
  env,
  distribution,
  tell,
  signal,
}: EnvironmentOptions & {
  readonly python: Python;
  readonly target: string;
  readonly program: string;
  readonly requirements: string;
  readonly tell: (progress: PreparationProgress) => void;
  readonly signal: AbortSignal;
}): Promise<void> {
  const total = Math.max(1, [...requirements.matchAll(/^[A-Za-z0-9][\w.-]*==/gm)].length);
  tell({ step: 'Making a Python environment', completed: 0, total });
  // pip's questions would wait for ever.
  const quiet = { ...env, PIP_NO_INPUT: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1' };
  const options = { env: quiet, signal };
  const made = await runProgram([python.program, '-m', 'venv', '--without-pip', target], options);
  if (made.exitCode !== 0) throw noTools(python, distribution, made.errors);
  const own = await runProgram([python.program, '-m', 'pip', '--version'], {
    ...options,
    timeoutMs: pipAnswersMs,
  });
  const pip: readonly [string, ...string[]] =
    own.exitCode === 0 ? [python.program, '-m', 'pip', '--python', program] : [program, '-m', 'pip'];
  if (own.exitCode !== 0) {
    const bundled = await runProgram([program, '-m', 'ensurepip'], options);
    if (bundled.exitCode !== 0) throw noTools(python, distribution, own.errors);
  }
  let completed = 0;
  const installed = await runProgram(
    [
      ...pip,
      ...['install', '--require-hashes', '--only-binary', ':all:', '--no-warn-script-location'],
      ...['--progress-bar', 'off', '--requirement', requirementsFile],
    ],
    {
      ...options,
      onLine: (line) => {
        const [, name] = /^Collecting ([\w.-]+)/.exec(line) ?? [];
        if (name !== undefined) {
          tell({ step: `Fetching ${name}`, completed: Math.min(completed, total), total });
          completed += 1;
        } else if (line.startsWith('Installing')) tell({ step: 'Installing', completed: total, total });
      },
    },
  );
  if (installed.exitCode !== 0) throw pipFailure(`${installed.output}\n${installed.errors}`);
}

function noTools(python: Python, distribution: readonly string[], said: string): LmError {
  return new LmError('unsupported', `Python ${python.version} is there, but neither pip nor venv is.`, {
    details: { program: python.program, said: said.trim().slice(-500) },
    repair: installRepair(distribution),
    retryable: true,
  });
}
