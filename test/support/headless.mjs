/**
 * Starts the built host under plain Node as `npm start -- --serve` does, and the browser that comes to it.
 * @module
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';
import { settle } from './app.mjs';
import { findProgram } from './process.mjs';
import { Unavailable } from './report.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/** @typedef {import('@playwright/test').Browser} Browser */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;

/**
 * @typedef {object} RunningHost
 * @property {string} link The one-time link that it printed.
 * @property {() => string} stdout
 * @property {() => string} stderr
 * @property {Promise<number | null>} exited Its exit code; null after a signal.
 * @property {() => Promise<{ left: number[] }>} close Asks it to end (SIGTERM) and waits; `left` are processes that
 *   outlived it by more than 3 s, which are then killed. Idempotent.
 * @property {() => Promise<void>} kill Ends it and its children at once, as a crash would.
 */

/**
 * @param {object} options
 * @param {string} options.dataFolder
 * @param {number} [options.port] 0, the default, is any.
 * @param {readonly string[]} [options.args]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {number} [options.userId] Another user than this one, which needs root and setpriv.
 * @returns {Promise<RunningHost>}
 * @throws {Error} With the end of its output when it prints no link in time.
 */
export async function startHeadlessHost({ dataFolder, port = 0, args = [], env = process.env, userId }) {
  // With this process the host ends too, even when this one is killed.
  const user = userId === undefined ? [] : [`--reuid=${userId}`, `--regid=${userId}`, '--clear-groups'];
  const guard = findProgram('setpriv') === undefined ? [] : ['setpriv', ...user, '--pdeathsig', 'TERM', '--'];
  const [program = process.execPath, ...programArgs] = [
    ...guard,
    process.execPath,
    join(ROOT, 'out', 'main', 'headless.cjs'),
    ...['--data-folder', dataFolder, '--port', String(port), ...args],
  ];
  const child = spawn(program, programArgs, {
    env: { ...env, DISPLAY: undefined, WAYLAND_DISPLAY: undefined, JOURNAL_STREAM: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, by which all its processes are found and ended.
    detached: true,
  });
  const pid = child.pid ?? 0;
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => (stderr += text));
  /** @type {RunningHost['exited']} */
  const exited = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code));
  });
  exited.catch(() => undefined);
  const killGroup = () => {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // No process of the group is left.
    }
  };
  process.once('exit', killGroup);
  const kill = async () => {
    killGroup();
    await exited;
    process.removeListener('exit', killGroup);
  };
  /** @type {Promise<string>} */
  const printed = new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      stdout += text;
      const link = /https?:\/\/\S+#token=\S+(?=\n)/.exec(stdout)?.[0];
      if (link !== undefined) resolve(link);
    });
    exited.then((code) => reject(new Error(`it ended with ${code}`)), reject);
    setTimeout(() => reject(new Error('it printed no link')), START_LIMIT_MS).unref();
  });
  try {
    const link = await printed;
    /** @type {Promise<{ left: number[] }> | undefined} */
    let closing;
    return {
      link,
      stdout: () => stdout,
      stderr: () => stderr,
      exited,
      kill,
      close: () => (closing ??= quit()),
    };
  } catch (error) {
    await kill();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The host did not start: ${reason}\n${stdout}${stderr}`, { cause: error });
  }

  async function quit() {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const timer = setTimeout(killGroup, STOP_LIMIT_MS);
    await exited;
    clearTimeout(timer);
    const left = await settle(pid);
    killGroup();
    process.removeListener('exit', killGroup);
    return { left };
  }
}

/**
 * The system's own Chromium, without a window.
 * @returns {Promise<Browser>}
 * @throws {Unavailable} When there is none and none can be installed.
 */
export async function startBrowser() {
  await ensureSystemPackages(['browser']);
  const executablePath = findProgram('chromium');
  if (executablePath === undefined) {
    throw new Unavailable('There is no chromium.', 'sudo apt-get install chromium');
  }
  return chromium.launch({
    executablePath,
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-gpu'],
    ],
  });
}
