import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { LmError } from '../../contract';

/** node-llama-cpp is written for this one and newer. */
const oldestMajor = 20;
const askTimeoutMs = 5_000;

export interface NodeFacts {
  /** `process.execPath` and `process.versions` of the host. */
  readonly execPath: string;
  readonly nodeVersion: string;
  readonly insideElectron: boolean;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The plain Node that runs the model process: the host's own where that is one, else the computer's. Electron's
 * own program cannot serve, for it is packaged without the fuse that lets it run as Node.
 * @throws LmError `model_server_unavailable` with the repair.
 */
export async function findNodeProgram(facts: NodeFacts): Promise<string> {
  if (!facts.insideElectron) {
    if (majorOf(facts.nodeVersion) >= oldestMajor) return facts.execPath;
    throw tooOld([`${facts.execPath} is ${facts.nodeVersion}`]);
  }
  const seen: string[] = [];
  for (const folder of (facts.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((name) => path.isAbsolute(name))) {
    const program = path.join(folder, process.platform === 'win32' ? 'node.exe' : 'node');
    const version = await versionOf(program);
    if (version === null) continue;
    if (majorOf(version) >= oldestMajor) return program;
    seen.push(`${program} is ${version}`);
  }
  throw tooOld(seen);
}

async function versionOf(program: string): Promise<string | null> {
  try {
    await access(program, constants.X_OK);
  } catch {
    return null;
  }
  return new Promise((resolve) => {
    execFile(program, ['--version'], { timeout: askTimeoutMs }, (error, stdout) =>
      resolve(error ? null : stdout.trim()),
    );
  });
}

function majorOf(version: string): number {
  return Number(/^v?(\d+)\./.exec(version)?.[1] ?? 0);
}

function tooOld(seen: readonly string[]): LmError {
  return new LmError(
    'model_server_unavailable',
    `The embedded llama.cpp needs Node.js ${oldestMajor} or newer on this computer; ` +
      (seen.length === 0 ? 'none was found on the PATH.' : `found: ${seen.join(', ')}.`),
    {
      repair: {
        text: `Install Node.js ${oldestMajor} or newer, then try again.`,
        ...(process.platform === 'linux' ? { command: 'sudo apt-get install nodejs' } : {}),
      },
      retryable: true,
    },
  );
}
