/**
 * Runs as a child in namespaces of its own (processes, mounts) and keeps one dockerd there. Whatever ends
 * the test process closes this one's standard input; it then stops the engine and exits, and with the
 * namespace the kernel ends every container, shim and mount. So a run can leave nothing behind.
 *
 * Usage: engine-keeper.mjs CONFIG.json; commands come as JSON lines `{id, command}` on standard input
 * (start, stop, kill, freeze, thaw), answers and the events `ready` and `exited` go as JSON lines to standard output.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { existsSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { removeEngineNetwork } from './engine-network.mjs';

const START_LIMIT_MS = 90_000;
const STOP_LIMIT_MS = 30_000;

const [configPath] = process.argv.slice(2);
if (configPath === undefined) throw new Error('usage: engine-keeper.mjs CONFIG.json');

/**
 * Read at each start: its owner writes it when this process, and with it the engine's lock, is there.
 * @returns {{ dockerd: string, args: string[], execRoot: string, bridge: string, env: Record<string, string>, socket: string, pidFile: string, log: string }}
 */
function readConfig() {
  return JSON.parse(readFileSync(configPath ?? '', 'utf8'));
}

/** @type {import('node:child_process').ChildProcess | undefined} */
let dockerd;

let isFirstStart = true;

/** @param {unknown} message */
function tell(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function start() {
  if (dockerd !== undefined) throw new Error('the engine is running already');
  const config = readConfig();
  // Files of an engine that was killed: a process number that another process may bear by now, a dead socket.
  for (const stale of [config.pidFile, config.socket]) rmSync(stale, { force: true });
  // Of a namespace before this one nothing lives, but its low process numbers exist here too, as others.
  if (isFirstStart) rmSync(config.execRoot, { recursive: true, force: true });
  isFirstStart = false;
  // Left by a killed engine; containerd will not start while another process bears its number.
  const containerdPid = join(config.execRoot, 'containerd', 'containerd.pid');
  if (existsSync(containerdPid)) {
    const name = join('/proc', readFileSync(containerdPid, 'utf8').trim(), 'comm');
    if (!existsSync(name) || !readFileSync(name, 'utf8').startsWith('containerd'))
      rmSync(containerdPid, { force: true });
  }
  const log = openSync(config.log, 'a');
  const child = spawn(config.dockerd, config.args, { env: config.env, stdio: ['ignore', log, log] });
  dockerd = child;
  child.once('exit', (code, signal) => {
    dockerd = undefined;
    tell({ event: 'exited', code, signal });
  });
  child.once('error', (error) => {
    dockerd = undefined;
    tell({ event: 'exited', code: null, signal: null, error: error.message });
  });
  const limit = Date.now() + START_LIMIT_MS;
  while (Date.now() < limit) {
    if (dockerd !== child) throw new Error('dockerd ended while starting');
    if (existsSync(config.socket) && (await answers(config.socket))) return;
    await delay(50);
  }
  throw new Error(`dockerd did not answer within ${START_LIMIT_MS / 1000} s`);
}

/**
 * @param {string} socketPath
 * @returns {Promise<boolean>}
 */
function answers(socketPath) {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.once('timeout', () => ping.destroy());
    ping.once('error', () => resolve(false));
    ping.end();
  });
}

/** @param {NodeJS.Signals} signal */
async function end(signal) {
  const child = dockerd;
  if (child === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGCONT');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await exited;
  clearTimeout(timer);
}

async function freeze() {
  const child = dockerd;
  if (child?.pid === undefined) throw new Error('the engine is not running');
  child.kill('SIGSTOP');
  // The signal stops each thread when it next leaves the processor; until then it may still answer.
  while (!threadsOf(child.pid).every((state) => state === 'T')) await delay(1);
}

/**
 * @param {number} pid
 * @returns {string[]} The state letter of every thread.
 */
function threadsOf(pid) {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  });
}

/** @type {Record<string, () => Promise<void> | void>} */
const commands = {
  start,
  stop: () => end('SIGTERM'),
  kill: () => end('SIGKILL'),
  freeze,
  thaw: () => void dockerd?.kill('SIGCONT'),
};

async function leave() {
  await end('SIGTERM');
  if (existsSync(configPath ?? '')) await removeEngineNetwork({ bridge: readConfig().bridge });
  process.exit(0);
}

process.on('SIGTERM', () => void leave());
// The test process may be gone when an answer is written; its end is noticed on standard input.
process.stdout.on('error', () => undefined);
tell({ event: 'ready' });

for await (const line of createInterface({ input: process.stdin })) {
  const { id, command } = JSON.parse(line);
  try {
    const action = commands[command];
    if (action === undefined) throw new Error(`unknown command ${command}`);
    await action();
    tell({ id });
  } catch (error) {
    tell({ id, error: error instanceof Error ? error.message : String(error) });
  }
}
await leave();
