/**
 * An X display for tests, independent of the one a person may be looking at.
 * @module
 */
import { spawn } from 'node:child_process';
import { findProgram } from './process.mjs';
import { Unavailable } from './report.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/**
 * @typedef {object} Display
 * @property {string} display For DISPLAY, for example `:99`.
 * @property {NodeJS.ProcessEnv} env This process's environment with that display and no Wayland.
 * @property {() => Promise<void>} stop Idempotent.
 */

const START_LIMIT_MS = 20_000;

/**
 * @param {{ width?: number, height?: number }} [size] Pixels; default 1920 × 1080.
 * @returns {Promise<Display>} It ends with this process.
 */
export async function startDisplay({ width = 1920, height = 1080 } = {}) {
  await ensureSystemPackages(['display']);
  if (findProgram('Xvfb') === undefined) {
    throw new Unavailable('Xvfb is missing.', 'sudo apt-get install xvfb');
  }
  // The server itself chooses a free number and writes it to descriptor 3, so two runs never race for one.
  const server = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'TERM', '--'],
      ...[
        'Xvfb',
        '-displayfd',
        '3',
        '-screen',
        '0',
        `${width}x${height}x24`,
        '-nolisten',
        'tcp',
        '-dpi',
        '96',
      ],
    ],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe'], detached: true },
  );
  const closed = new Promise((resolve) => server.once('close', resolve));
  let complaint = '';
  server.stderr?.setEncoding('utf8').on('data', (/** @type {string} */ text) => (complaint += text));
  const number = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      server.kill('SIGKILL');
      reject(new Error(`Xvfb gave no display within ${START_LIMIT_MS / 1000} s\n${complaint}`));
    }, START_LIMIT_MS);
    let text = '';
    server.stdio[3]?.on('data', (/** @type {Buffer} */ chunk) => {
      text += chunk.toString('utf8');
      if (!text.includes('\n')) return;
      clearTimeout(timer);
      resolve(text.trim());
    });
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}\n${complaint}`)));
  });
  const display = `:${number}`;
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, DISPLAY: display };
  delete env['WAYLAND_DISPLAY'];
  delete env['XAUTHORITY'];
  return {
    display,
    env,
    stop: async () => {
      server.kill('SIGTERM');
      await closed;
    },
  };
}
