/**
 * The official Electron binary of the version that package.json names, by the `electron` package's own
 * download (checksums included), with visible progress and an end to waiting.
 * @module
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * @typedef {object} ElectronBinary
 * @property {string} executablePath
 * @property {string} distFolder
 * @property {string} version
 */

/**
 * @typedef {object} DownloadOptions
 * @property {string} root Folder of the project; `node_modules` must be there.
 * @property {number} [stalledMs] Give up when no byte came for so long. Default 30 s.
 * @property {number} [limitMs] Give up after so long in any case. Default 15 minutes.
 * @property {(line: string) => void} [say]
 */

const MEASURE_EVERY_MS = 1000;
const SAY_EVERY_BYTES = 10_000_000;

/**
 * @param {string} root
 * @returns {Promise<ElectronBinary | undefined>} The binary, when it has been downloaded already.
 */
export async function findOfficialElectron(root) {
  const folder = join(root, 'node_modules', 'electron');
  try {
    const executable = await readFile(join(folder, 'path.txt'), 'utf8');
    const version = (await readFile(join(folder, 'dist', 'version'), 'utf8')).trim().replace(/^v/, '');
    const wanted = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')).version;
    const executablePath = join(folder, 'dist', executable);
    if (version !== wanted || !existsSync(executablePath)) return undefined;
    return { executablePath, distFolder: join(folder, 'dist'), version };
  } catch {
    return undefined;
  }
}

/**
 * @param {DownloadOptions} options
 * @returns {Promise<ElectronBinary>}
 * @throws {Error} Whose message is one line: why it could not be had.
 */
export async function ensureOfficialElectron({
  root,
  stalledMs = 30_000,
  limitMs = 900_000,
  say = () => undefined,
}) {
  const present = await findOfficialElectron(root);
  if (present !== undefined) return present;
  const work = await mkdtemp(join(tmpdir(), 'lm-sandbox-electron-'));
  try {
    await download({ root, work, stalledMs, limitMs, say });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const downloaded = await findOfficialElectron(root);
  if (downloaded === undefined) throw new Error('the downloaded archive did not hold what it should');
  return downloaded;
}

/** @param {Required<DownloadOptions> & { work: string }} options */
async function download({ root, work, stalledMs, limitMs, say }) {
  const env = { ...process.env, TMPDIR: work, ELECTRON_GET_NO_PROGRESS: '1' };
  if (process.env['HTTPS_PROXY'] !== undefined || process.env['https_proxy'] !== undefined) {
    Object.assign(env, { ELECTRON_GET_USE_PROXY: 'true' });
  }
  const child = spawn(process.execPath, [join(root, 'node_modules', 'electron', 'install.js')], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stop = () => child.kill('SIGKILL');
  process.once('exit', stop);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => (stderr += text));
  // The archive grows in this child's own temporary folder, which is where progress can be seen.
  const started = Date.now();
  let seen = { bytes: 0, at: started };
  let said = 0;
  /** @type {string | undefined} */
  let gaveUp;
  const watch = setInterval(() => {
    void folderBytes(work).then((bytes) => {
      const now = Date.now();
      if (bytes !== seen.bytes) seen = { bytes, at: now };
      if (bytes - said >= SAY_EVERY_BYTES) {
        said = bytes;
        say(`Electron: ${Math.round(bytes / 1_000_000)} MB of about 115 MB`);
      }
      if (now - started > limitMs) gaveUp = `it was not done after ${limitMs / 60_000} minutes`;
      // Once the archive is whole it is unpacked elsewhere; then nothing grows here any more.
      else if (now - seen.at > stalledMs && bytes < 80_000_000)
        gaveUp = `nothing came for ${stalledMs / 1000} s`;
      if (gaveUp !== undefined) stop();
    });
  }, MEASURE_EVERY_MS);
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) throw new Error(gaveUp ?? firstReason(stderr));
  } finally {
    clearInterval(watch);
    process.removeListener('exit', stop);
  }
}

/**
 * @param {string} stderr What the installer wrote: a stack with causes.
 * @returns {string} The innermost reason it names, one line.
 */
export function firstReason(stderr) {
  const causes = [...stderr.matchAll(/\[cause\]: (?:\w*Error: )?(.+?)\s*\{?$/gm)];
  const cause = causes.at(-1)?.[1];
  const first = stderr
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '');
  const reason = cause ?? first?.replace(/^\w*Error: /, '') ?? 'the installer gave no reason';
  // All that Node's fetch says of a name that does not resolve, a refused connection, a bad certificate.
  return reason === 'fetch failed' ? 'its server could not be reached' : reason;
}

/** @param {string} folder */
async function folderBytes(folder) {
  let sum = 0;
  try {
    for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
      if (entry.isFile()) sum += (await stat(join(entry.parentPath ?? entry.path, entry.name))).size;
    }
  } catch {
    // The folder changes while it is read; the next measurement will see it.
  }
  return sum;
}
