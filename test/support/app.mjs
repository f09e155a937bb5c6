/**
 * Starts the packaged app and drives its windows through Chromium's DevTools protocol.
 *
 * Not Playwright's `_electron.launch`: that needs Node's inspector in the main process, which the fuses of
 * the packaged app switch off. So the very package that users get is what is tested.
 * @module
 */
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from '@playwright/test';
import { findProgram } from './process.mjs';

/** @typedef {import('@playwright/test').Page} Page */
/** @typedef {import('@playwright/test').Browser} Browser */

/**
 * @typedef {object} LaunchOptions
 * @property {string} executablePath
 * @property {readonly string[]} [args] `--no-sandbox` is added when running as root, as Chromium demands.
 * @property {NodeJS.ProcessEnv} [env] The whole environment, with the DISPLAY of `startDisplay`.
 * @property {string} userDataFolder Settings and data of this app; keep it to start the same app again.
 * @property {number} [timeoutMs] Until the first window has loaded. Default 30 s.
 */

/**
 * @typedef {object} RunningApp
 * @property {Page} page The first window.
 * @property {Browser} browser All windows: `browser.contexts()[0].pages()`.
 * @property {number} pid Of the main process.
 * @property {() => string} stderr What the app wrote to standard error so far, its standard output included.
 * @property {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} exited
 * @property {() => number[]} processes Numbers of the app's processes, the main one included.
 * @property {() => Promise<{ left: number[] }>} close Asks it to quit (SIGTERM) and waits; `left` are
 *   processes that outlived it by more than 3 s, which are then killed. Idempotent.
 * @property {() => Promise<void>} kill Ends all its processes at once, as a crash or loss of power would.
 */

const QUIT_LIMIT_MS = 20_000;
const CHILDREN_LIMIT_MS = 3_000;

/**
 * @param {LaunchOptions} options
 * @returns {Promise<RunningApp>}
 * @throws {Error} With the end of the app's output when it shows no window in time.
 */
export async function launchApp({ executablePath, args = [], env, userDataFolder, timeoutMs = 30_000 }) {
  const appArgs = [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    // The virtual display has no GPU; a GPU process that fails and restarts there leaves pages without frames at times.
    '--disable-gpu',
    // The port is chosen by the system and told on standard error.
    '--remote-debugging-port=0',
    `--user-data-dir=${userDataFolder}`,
    ...args,
  ];
  // With this process the app ends too, even when this one is killed.
  const guard = findProgram('setpriv') === undefined ? [] : ['setpriv', '--pdeathsig', 'TERM', '--'];
  const [program = executablePath, ...programArgs] = [...guard, executablePath, ...appArgs];
  const child = spawn(program, programArgs, {
    env: env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, by which every process of the app is found and ended.
    detached: true,
  });
  const pid = child.pid ?? 0;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => (output += text));
  }
  /** @type {RunningApp['exited']} */
  const exited = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  // Whoever waits for it hears of the error; nobody has to.
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

  try {
    const endpoint = await withLimit(readEndpoint(child, exited), timeoutMs, 'DevTools endpoint');
    // Electron knows no browser contexts: Playwright's own settings for the default one are left out.
    const browser = await connect(endpoint, timeoutMs);
    const [context] = browser.contexts();
    if (context === undefined) throw new Error('the app offers no browser context');
    const page = context.pages()[0] ?? (await context.waitForEvent('page', { timeout: timeoutMs }));
    await page.waitForLoadState('domcontentloaded', { timeout: timeoutMs });
    /** @type {Promise<{ left: number[] }> | undefined} */
    let closing;
    return {
      page,
      browser,
      pid,
      stderr: () => output,
      exited,
      processes: () => groupMembers(pid),
      close: () => (closing ??= quit()),
      kill,
    };

    async function quit() {
      await browser.close();
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await withLimit(exited, QUIT_LIMIT_MS, 'end of the app after SIGTERM').catch(async (error) => {
        await kill();
        throw error;
      });
      const left = await settle(pid);
      killGroup();
      process.removeListener('exit', killGroup);
      return { left };
    }
  } catch (error) {
    await kill();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The app did not start: ${reason}\n${output.trim().split('\n').slice(-30).join('\n')}`, {
      cause: error,
    });
  }
}

const CONNECT_ATTEMPTS = 3;

/**
 * A connection made while Chromium is still creating its first window is at times never answered; another one is.
 * @param {string} endpoint
 * @param {number} timeoutMs For all attempts together.
 * @returns {Promise<Browser>}
 */
async function connect(endpoint, timeoutMs) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await chromium.connectOverCDP(endpoint, {
        noDefaults: true,
        isLocal: true,
        timeout: timeoutMs / CONNECT_ATTEMPTS,
      });
    } catch (error) {
      if (attempt === CONNECT_ATTEMPTS) throw error;
    }
  }
}

/**
 * @param {import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable, import('node:stream').Readable>} child
 * @param {RunningApp['exited']} exited
 * @returns {Promise<string>}
 */
function readEndpoint(child, exited) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr.on('data', (/** @type {string} */ chunk) => {
      text += chunk;
      const address = /DevTools listening on ws:\/\/([^/\s]+)/.exec(text)?.[1];
      if (address !== undefined) resolve(`http://${address}`);
    });
    exited.then(
      ({ code, signal }) => reject(new Error(`it ended with ${code ?? signal}`)),
      (error) => reject(error),
    );
  });
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} limitMs
 * @param {string} what
 * @returns {Promise<T>}
 */
async function withLimit(promise, limitMs, what) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const limit = new Promise((/** @type {(value: never) => void} */ _resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {number} group
 * @returns {number[]} The living members of a process group (zombies are dead).
 */
function groupMembers(group) {
  const members = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(processGroup) === group && state !== 'Z') members.push(Number(name));
    } catch {
      // It ended between the two reads.
    }
  }
  return members;
}

/**
 * Waits for the processes of a group to end by themselves.
 * @param {number} group
 * @returns {Promise<number[]>} Those that did not.
 */
export async function settle(group) {
  const limit = Date.now() + CHILDREN_LIMIT_MS;
  let left = groupMembers(group);
  while (left.length > 0 && Date.now() < limit) {
    await delay(50);
    left = groupMembers(group);
  }
  return left;
}
