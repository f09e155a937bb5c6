/**
 * The folder that keeps what is costly to make between runs, and the rules that make it safe: one maker at a
 * time over all processes, and nothing half-made is ever taken for whole.
 * @module
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { findProgram } from './process.mjs';
import { Unavailable, formatDuration, say } from './report.mjs';

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string} `$LM_SANDBOX_TEST_CACHE`, else `lm-sandbox` in the user's cache folder.
 */
export function cacheFolder(env = process.env) {
  const own = env['LM_SANDBOX_TEST_CACHE'];
  if (own !== undefined && own !== '') return own;
  const xdg = env['XDG_CACHE_HOME'];
  return join(xdg !== undefined && xdg !== '' ? xdg : join(homedir(), '.cache'), 'lm-sandbox');
}

/**
 * Takes a lock that all processes of this machine respect and that the kernel gives back when its holder
 * dies, whatever killed it; hence flock(1) and not a file with a process number in it.
 * @param {string} path The lock file; made when missing, never removed (removing it would race).
 * @param {{ wait?: boolean, onWait?: () => void }} [options] `wait: false` gives undefined at once when taken.
 * @returns {Promise<(() => Promise<void>) | undefined>} Gives the lock back.
 */
export async function takeLock(path, options = {}) {
  if (findProgram('flock') === undefined) {
    throw new Unavailable('The program flock is missing.', 'apt-get install util-linux');
  }
  await mkdir(dirname(path), { recursive: true });
  const first = await holdLock(path, false);
  if (first !== undefined || options.wait === false) return first;
  options.onWait?.();
  return holdLock(path, true);
}

/**
 * @param {string} path
 * @param {boolean} wait
 * @returns {Promise<(() => Promise<void>) | undefined>}
 */
function holdLock(path, wait) {
  return new Promise((resolve, reject) => {
    // The holder lives exactly as long as its standard input: this process's end closes it.
    const flags = wait ? ['--exclusive'] : ['--exclusive', '--nonblock'];
    const holder = spawn('flock', [...flags, path, 'sh', '-c', 'echo held; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    const closed = new Promise((resolveClosed) => holder.once('close', resolveClosed));
    holder.once('error', reject);
    holder.once('close', () => resolve(undefined));
    holder.stdin.on('error', () => {
      // The holder was killed from outside; its lock is free already.
    });
    holder.stdout.once('data', () => {
      holder.unref();
      /** @type {{ unref?: () => void }} */ (holder.stdin).unref?.();
      /** @type {{ unref?: () => void }} */ (holder.stdout).unref?.();
      resolve(async () => {
        holder.ref();
        holder.stdin.end();
        await closed;
      });
    });
  });
}

/**
 * Runs `work` while holding a lock of the cache, for things that are changed in place.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withCacheLock(name, work) {
  const release = await takeLock(join(cacheFolder(), 'locks', `${name}.lock`), {
    onWait: () => say(`waiting for another process that prepares ${name}`),
  });
  try {
    return await work();
  } finally {
    await release?.();
  }
}

const STAMP = '.complete.json';

/**
 * Gives a folder of the cache, made first when it is not there. It is made under another name and renamed
 * when it is whole, so an interrupted run leaves nothing that the next one could mistake for it. Older
 * versions (other keys) of the same artefact are removed.
 * @param {object} artefact
 * @param {string} artefact.name Its folder, for people too.
 * @param {string} artefact.key Everything that decides the content: version, integrity, hash of the sources.
 * @param {string} artefact.describe For the progress line, for example `Electron 25.1.1 for tests (110 MB)`.
 * @param {(folder: string) => Promise<void>} artefact.make Fills the empty folder.
 * @param {(folder: string) => Promise<boolean>} [artefact.verify] Called on a folder found in the cache;
 *   false makes it anew.
 * @returns {Promise<string>}
 */
export async function ensureArtefact({ name, key, describe, make, verify }) {
  const parent = join(cacheFolder(), name);
  const folder = join(parent, shortHash(key));
  if (await isComplete(folder, key, verify)) return folder;
  return withCacheLock(name, async () => {
    if (await isComplete(folder, key, verify)) return folder;
    await mkdir(parent, { recursive: true });
    for (const old of await readdir(parent)) await rm(join(parent, old), { recursive: true, force: true });
    const started = Date.now();
    say(`making ${describe}`);
    const partial = `${folder}.partial`;
    await mkdir(partial, { recursive: true });
    await make(partial);
    await writeFile(join(partial, STAMP), `${JSON.stringify({ name, key })}\n`);
    await rename(partial, folder);
    say(`made ${describe} in ${formatDuration(Date.now() - started)}`);
    return folder;
  });
}

/**
 * @param {string} folder
 * @param {string} key
 * @param {((folder: string) => Promise<boolean>) | undefined} verify
 */
async function isComplete(folder, key, verify) {
  const stamp = join(folder, STAMP);
  if (!existsSync(stamp)) return false;
  try {
    if (JSON.parse(await readFile(stamp, 'utf8')).key !== key) return false;
  } catch {
    return false;
  }
  return verify === undefined || (await verify(folder));
}

/**
 * @param {string} text
 * @returns {string} Sixteen hexadecimal digits.
 */
export function shortHash(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * @param {string} file
 * @param {'sha256' | 'sha512'} algorithm
 * @param {'hex' | 'base64'} encoding
 * @returns {Promise<string>}
 */
export async function hashFile(file, algorithm, encoding) {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  return hash.digest(encoding);
}
