/**
 * Real Docker Engines for tests, of two generations, each with data, network and processes of its own.
 * @module
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cacheFolder, shortHash, withCacheLock } from './cache.mjs';
import { callEngine, removeLeftovers } from './engine-client.mjs';
import { createEngineNetwork } from './engine-network.mjs';
import { ensureDockerClient, ensureEnginePrograms } from './engine-programs.mjs';
import { findProgram, run } from './process.mjs';
import { formatDuration, say } from './report.mjs';
import { createSimulatedGpu } from './simulated-gpu.mjs';

/** @typedef {import('./engine-programs.mjs').Generation} Generation */

/**
 * @typedef {object} EngineOptions
 * @property {Generation} generation
 * @property {boolean} [cdi] A simulated GPU is offered through CDI (modern only); default false.
 * @property {string} name Who uses it, for example `e2e`. Engines of different names run side by side; data
 *   of a name is kept for the next run, so images need not be built again.
 * @property {string} [dataRoot] Default: a folder of the cache.
 * @property {number} [dataRootBytes] Puts the data on a fresh file system of this size instead, which is how
 *   a full disk is had. Nothing of it is kept.
 * @property {boolean} [keepContainers] Keep containers, volumes and networks of the run before.
 * @property {readonly string[]} [extraArgs] More arguments for dockerd.
 */

/**
 * @typedef {object} Engine
 * @property {Generation} generation
 * @property {string} name
 * @property {string} socketPath
 * @property {string} host For DOCKER_HOST, `unix://…`.
 * @property {string} version Of the engine, for example `28.5.2`.
 * @property {string} apiVersion For example `1.51`.
 * @property {string} hostAddress This machine as containers on the default network reach it.
 * @property {string} dataRoot
 * @property {string} logFile What dockerd wrote.
 * @property {NodeJS.ProcessEnv} env Environment in which `docker` (with buildx, compose) speaks to this engine.
 * @property {(args: readonly string[], options?: import('./process.mjs').RunOptions) => Promise<import('./process.mjs').RunResult>} docker
 * @property {(method: string, path: string, body?: unknown) => Promise<any>} call One Engine API call.
 * @property {() => Promise<void>} start Starts dockerd again after `stopDaemon` or `kill`.
 * @property {() => Promise<void>} stopDaemon Stops dockerd in an orderly way; `start` brings it back.
 * @property {() => Promise<void>} kill Kills dockerd (SIGKILL) as a crash does; containers' processes live on.
 * @property {() => Promise<void>} restart Stops dockerd in an orderly way and starts it again.
 * @property {() => Promise<void>} freeze The engine hangs: it accepts connections and answers nothing.
 * @property {() => Promise<void>} thaw
 * @property {import('./simulated-gpu.mjs').SimulatedGpu} gpu Levers of the simulated GPU.
 * @property {() => Promise<void>} stop Ends it and everything that ran in it. Idempotent.
 */

const RUN_FOLDER = '/run/lm-sandbox-test';
const KEEPER = fileURLToPath(new URL('engine-keeper.mjs', import.meta.url));
const LOCK_TAKEN = 75;
const LOCK_WAIT_SECONDS = 60;

/**
 * Starts an engine. It dies with this process, whatever ends it.
 * @param {EngineOptions} options
 * @returns {Promise<Engine>}
 * @throws {import('./report.mjs').Unavailable} Where no engine can be started (no root, no packages).
 */
export async function startEngine(options) {
  const { generation, name } = options;
  if (!/^[a-z0-9-]{1,40}$/.test(name)) throw new Error(`Engine name ${name} must be of a-z, 0-9 and -.`);
  if (options.cdi && generation !== 'modern') throw new Error('Only the modern generation knows CDI.');
  const programs = await ensureEnginePrograms(generation);
  const client = await ensureDockerClient();
  const started = Date.now();

  const dataRoot = options.dataRoot ?? join(cacheFolder(), 'engines', `${generation}-${name}`);
  const id = shortHash(dataRoot);
  const folder = join(RUN_FOLDER, `${generation}-${name}-${id.slice(0, 6)}`);
  await mkdir(folder, { recursive: true });
  await mkdir(dataRoot, { recursive: true });
  await endStaleEngine(folder);

  const socketPath = join(folder, 'docker.sock');
  const logFile = join(folder, 'dockerd.log');
  if (existsSync(logFile)) await rename(logFile, `${logFile}.old`);
  const gpu = await createSimulatedGpu(folder);
  await gpu.setPresent(options.cdi === true);

  const keeper = await startKeeper({ folder, dataRoot, dataRootBytes: options.dataRootBytes });
  try {
    // One at a time over all engines: each looks for an address range that is free now.
    const network = await withCacheLock('engine-network', () => createEngineNetwork(id));
    await writeFile(join(folder, 'daemon.json'), '{}\n');
    const args = [
      `--config-file=${join(folder, 'daemon.json')}`,
      `--data-root=${dataRoot}`,
      `--exec-root=${join(folder, 'exec')}`,
      `--pidfile=${join(folder, 'dockerd.pid')}`,
      `--host=unix://${socketPath}`,
      `--bridge=${network.bridge}`,
      `--default-address-pool=base=${network.pool},size=24`,
      // Seconds that a container has to end by itself when the engine stops; the default is 15.
      '--shutdown-timeout=3',
      '--iptables=false',
      '--ip6tables=false',
      // A busy machine loses some questions; the default is to give up on a name after ten seconds.
      '--dns-opt=timeout:5',
      '--dns-opt=attempts:6',
      // Own parents, so that no other engine takes these containers' groups for its own.
      `--cgroup-parent=/lm-sandbox-test-${id.slice(0, 6)}`,
      ...(programs.userlandProxy === undefined ? [] : [`--userland-proxy-path=${programs.userlandProxy}`]),
      ...(generation === 'modern' ? [`--cdi-spec-dir=${gpu.specFolder}`] : []),
      ...(options.extraArgs ?? []),
    ];
    await writeFile(
      join(folder, 'keeper.json'),
      JSON.stringify({
        dockerd: programs.dockerd,
        args,
        execRoot: join(folder, 'exec'),
        bridge: network.bridge,
        env: { ...process.env, PATH: programs.searchPath },
        socket: socketPath,
        pidFile: join(folder, 'dockerd.pid'),
        log: logFile,
      }),
    );
    await keeper.command('start').catch(async (/** @type {Error} */ error) => {
      throw new Error(`${error.message}\n${await lastLines(logFile)}`);
    });
    if (options.keepContainers !== true) await removeLeftovers(socketPath);
    const facts = await callEngine(socketPath, 'GET', '/version');
    say(`Docker Engine ${facts.Version} '${name}' runs after ${formatDuration(Date.now() - started)}`);

    const host = `unix://${socketPath}`;
    /** @type {NodeJS.ProcessEnv} */
    const env = {
      ...process.env,
      PATH: `${join(client.docker, '..')}:${process.env['PATH'] ?? ''}`,
      DOCKER_HOST: host,
      DOCKER_CONFIG: client.configFolder,
      DOCKER_CONTEXT: undefined,
    };
    return {
      generation,
      name,
      socketPath,
      host,
      version: facts.Version,
      apiVersion: facts.ApiVersion,
      hostAddress: network.address,
      dataRoot,
      logFile,
      env,
      docker: (args, runOptions) => run(client.docker, args, { env, ...runOptions }),
      call: (method, path, body) => callEngine(socketPath, method, path, body),
      start: () => keeper.command('start'),
      stopDaemon: () => keeper.command('stop'),
      kill: () => keeper.command('kill'),
      restart: async () => {
        await keeper.command('stop');
        await keeper.command('start');
      },
      freeze: () => keeper.command('freeze'),
      thaw: () => keeper.command('thaw'),
      gpu,
      stop: () => keeper.end(),
    };
  } catch (error) {
    await keeper.end();
    throw error;
  }
}

/**
 * @typedef {object} Keeper
 * @property {Promise<void>} ready It holds the engine's lock; rejects when another process does.
 * @property {(command: string) => Promise<void>} command
 * @property {() => Promise<void>} end
 */

/**
 * @param {{ folder: string, dataRoot: string, dataRootBytes: number | undefined }} place
 * @returns {Promise<Keeper>}
 */
async function startKeeper({ folder, dataRoot, dataRootBytes }) {
  const init = findProgram('docker-init');
  // flock's descendants inherit the lock: it is free exactly when the last process of the engine is gone.
  const args = [
    ...['--exclusive', '--wait', String(LOCK_WAIT_SECONDS), '--conflict-exit-code', String(LOCK_TAKEN)],
    join(folder, 'lock'),
    ...[
      'unshare',
      '--mount',
      '--propagation',
      'slave',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      '--',
    ],
    // Containers' orphans come to the first process of the namespace, which must collect them.
    ...(init === undefined ? [] : [init, '--']),
    ...(dataRootBytes === undefined
      ? []
      : [
          'sh',
          '-ec',
          'mount -t tmpfs -o "size=$1" tmpfs "$2"; shift 2; exec "$@"',
          'sh',
          String(dataRootBytes),
          dataRoot,
        ]),
    ...[process.execPath, KEEPER, join(folder, 'keeper.json')],
  ];
  // Left by an engine before; the keeper must not take it for its own.
  await rm(join(folder, 'keeper.json'), { force: true });
  const child = spawn('flock', args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const keeper = superviseKeeper(child);
  await keeper.ready;
  await writeFile(
    join(folder, 'owner.json'),
    JSON.stringify({ owner: await identify(process.pid), keeper: await identify(child.pid ?? 0) }),
  );
  return keeper;
}

/**
 * @param {import('node:child_process').ChildProcessByStdio<import('node:stream').Writable, import('node:stream').Readable, null>} keeper
 * @returns {Keeper}
 */
function superviseKeeper(keeper) {
  /** @type {Map<number, { resolve: () => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  let nextId = 1;
  /** @type {Error | undefined} */
  let ended;
  const ready = withResolvers();
  const closed = new Promise((/** @type {(value: void) => void} */ resolve) => {
    const fail = (/** @type {Error} */ error) => {
      ended = error;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
      ready.reject(error);
      resolve();
    };
    keeper.once('error', fail);
    keeper.once('close', (code) =>
      fail(
        new Error(
          code === LOCK_TAKEN
            ? 'Another running process uses the engine of this name. Give startEngine another name.'
            : `The engine's keeper ended (${code}).`,
        ),
      ),
    );
  });
  keeper.stdin.on('error', () => {
    // The keeper has gone; 'close' tells the callers.
  });
  createInterface({ input: keeper.stdout }).on('line', (line) => {
    const message = JSON.parse(line);
    if (message.event === 'ready') ready.resolve();
    const caller = waiting.get(message.id);
    if (caller === undefined) return;
    waiting.delete(message.id);
    if (message.error === undefined) caller.resolve();
    else caller.reject(new Error(message.error));
  });
  const kill = () => {
    try {
      // The group holds flock and unshare; with unshare the kernel ends the whole namespace.
      if (keeper.pid !== undefined) process.kill(-keeper.pid, 'SIGKILL');
    } catch {
      // Already gone.
    }
  };
  /** @type {Promise<void> | undefined} */
  let ending;
  return {
    ready: ready.promise,
    command: (command) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        const id = nextId;
        nextId += 1;
        waiting.set(id, { resolve, reject });
        keeper.stdin.write(`${JSON.stringify({ id, command })}\n`);
      }),
    end: () =>
      (ending ??= (async () => {
        keeper.stdin.end();
        const timer = setTimeout(kill, 40_000);
        await closed;
        clearTimeout(timer);
      })()),
  };
}

/**
 * Ends an engine whose owner is dead but which itself did not end (its keeper hung or was stopped).
 * @param {string} folder
 */
async function endStaleEngine(folder) {
  const file = join(folder, 'owner.json');
  if (!existsSync(file)) return;
  const { owner, keeper } = JSON.parse(await readFile(file, 'utf8'));
  const alive = async (/** @type {{ pid: number, started: string }} */ who) =>
    who.started !== '' && (await identify(who.pid)).started === who.started;
  if ((await alive(owner)) || !(await alive(keeper))) return;
  say(`ending a Docker Engine that an earlier run left behind (process ${keeper.pid})`);
  try {
    process.kill(-keeper.pid, 'SIGKILL');
  } catch {
    // It ended by itself just now.
  }
}

/**
 * A process number alone may be another process's by now; its start time makes it certain.
 * @param {number} pid
 * @returns {Promise<{ pid: number, started: string }>}
 */
async function identify(pid) {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return { pid, started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' };
  } catch {
    return { pid, started: '' };
  }
}

/**
 * `Promise.withResolvers`, which Node 20 does not have.
 * @returns {{ promise: Promise<void>, resolve: () => void, reject: (error: Error) => void }}
 */
function withResolvers() {
  /** @type {() => void} */
  let resolve = () => undefined;
  /** @type {(error: Error) => void} */
  let reject = () => undefined;
  const promise = new Promise((/** @type {(value: void) => void} */ resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  return { promise, resolve, reject };
}

/** @param {string} file */
async function lastLines(file) {
  if (!existsSync(file)) return '';
  return (await readFile(file, 'utf8')).trim().split('\n').slice(-15).join('\n');
}
