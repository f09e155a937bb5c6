/**
 * A computer with nothing but Debian's base and Node: no engine, no display, no Python, no compiler, no git. Its
 * files are its own; only the network, so that a browser outside reaches its loopback, is this computer's.
 * @module
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  appendFile,
  chown,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureRootFileSystem } from './base-image.mjs';
import { cacheFolder, ensureArtefact, hashFile } from './cache.mjs';
import { MODERN_RELEASE, unpackModernPackages } from './debian.mjs';
import { findProgram, run } from './process.mjs';
import { Unavailable } from './report.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const ENTER = fileURLToPath(new URL('enter-bare-system.sh', import.meta.url));
const USER_ID = 1000;
const HOME = '/home/ada';
const CHECKOUT = `${HOME}/lm-sandbox`;
const CERTIFICATES = '/etc/company.pem';
/** Nothing of these is part of a fresh checkout. */
const MADE_HERE = new Set(['node_modules', 'out', 'dist', 'test-results', '.git']);
const NAMESPACES = '--kill-child=KILL --fork --mount --propagation private --pid --ipc --uts --'.split(' ');
const PROXIES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'].flatMap((name) => [
  name,
  name.toUpperCase(),
]);

/** The oldest Node that the project runs on, with the npm that comes with it; both as npm's registry has them. */
const NODE_VERSION = '20.19.0';
/** @type {Readonly<Record<string, string>>} Integrity of `node-linux-ARCHITECTURE`. */
const NODE_INTEGRITY = {
  x64: 'sha512-HzVYgEgabV/n3nP2F9mcxS0Nxgg99jynX9CMovakLmSYTuTdQRbbtw0yadY8+qKcqXfiDAtb2hmtR7nDPzclGA==',
  arm64: 'sha512-kT7jX7frbsrMrXMsBaFt3Th1SWs5VjxTzd0U8vxcmdCFkaqeu5hFK0+QoYfIo5drmr3DmwJfLtO2gnD/7hNE/Q==',
};
const NPM = {
  version: '10.8.2',
  integrity:
    'sha512-x/AIjFIKRllrhcb48dqUNAAZl0ig9+qMuN91RpZo3Cb2+zuibfh+KISl6+kVVyktDz230JKc208UkQwwMqyB+w==',
};

/**
 * @typedef {object} PackageSettings What pip has been told here, so that it can be told there.
 * @property {readonly string[]} indexUrls
 * @property {readonly string[]} trustedHosts
 * @property {string | null} certificateFile
 * @property {string | null} proxyUrl
 */

/**
 * @typedef {object} Started
 * @property {() => string} output
 * @property {(pattern: RegExp, limitMs: number) => Promise<string>} waitFor Resolves with the text that matched.
 * @property {() => Promise<void>} end Kills everything that runs in the system. Idempotent.
 */

/**
 * @typedef {object} BareSystem
 * @property {string} home The person's home folder, as this computer sees it.
 * @property {(command: readonly string[]) => Started} start Runs a command in the checkout, as the person.
 * @property {(command: readonly string[]) => Promise<{ code: number, stdout: string }>} ask
 * @property {(packages: readonly string[]) => Promise<void>} install Debian packages, by name, without what they need.
 * @property {() => Promise<void>} dispose
 */

/**
 * @param {PackageSettings} pip
 * @returns {Promise<BareSystem>} With a fresh checkout of the project in the person's home folder.
 * @throws {Unavailable}
 */
export async function makeBareSystem(pip) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Unavailable(
      'Only root on Linux can make a system in a root file system of its own.',
      'run the tests as root',
    );
  }
  await ensureSystemPackages(['base']);
  const probe = [...NAMESPACES, 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()];
  if ((await run('unshare', probe, { allowFailure: true })).code !== 0) {
    throw new Unavailable(
      'This machine lets not even root make namespaces and mounts of its own.',
      'run the tests on a computer or virtual machine, or in a container with --privileged',
    );
  }
  const archive = await ensureRootFileSystem();
  const node = await ensureBareNode();
  const npmCache = join(cacheFolder(), 'bare-npm-cache');
  await mkdir(npmCache, { recursive: true });
  await chown(npmCache, USER_ID, USER_ID);

  const root = await mkdtemp(join(tmpdir(), 'lm-sandbox-bare-'));
  /** @type {Set<Started>} */
  const running = new Set();
  const system = {
    home: join(root, HOME),
    start: (/** @type {readonly string[]} */ command) => {
      const started = enter(root, npmCache, command);
      running.add(started);
      return started;
    },
    ask: async (/** @type {readonly string[]} */ command) => {
      const [program = '', ...args] = enterCommand(root, npmCache, command);
      const { code, stdout } = await run(program, args, { allowFailure: true });
      return { code, stdout };
    },
    install: async (/** @type {readonly string[]} */ packages) => {
      await cp(await ensurePackages(packages), root, {
        recursive: true,
        verbatimSymlinks: true,
        filter: (source) => basename(source) !== '.complete.json',
      });
    },
    dispose: async () => {
      for (const started of running) await started.end();
      await rm(root, { recursive: true, force: true });
    },
  };
  try {
    // Everybody has to get through the folder to what lies in it.
    await run('chmod', ['0755', root]);
    await run('tar', ['--extract', '--numeric-owner', '--file', archive, '--directory', root]);
    await cp(node, join(root, 'opt', 'node'), { recursive: true, verbatimSymlinks: true });
    for (const name of ['node', 'npm', 'npx']) {
      await symlink(`/opt/node/bin/${name}`, join(root, 'usr', 'local', 'bin', name));
    }
    for (const name of ['resolv.conf', 'hosts']) await copyFile(join('/etc', name), join(root, 'etc', name));
    await appendFile(join(root, 'etc', 'passwd'), `ada:x:${USER_ID}:${USER_ID}:Ada:${HOME}:/bin/bash\n`);
    await appendFile(join(root, 'etc', 'group'), `ada:x:${USER_ID}:\n`);
    await mkdir(join(system.home, '.npm'), { recursive: true });
    await settle(root, pip);
    await checkOut(join(root, CHECKOUT));
    await run('chown', ['-R', `${USER_ID}:${USER_ID}`, system.home]);
    return system;
  } catch (error) {
    await system.dispose();
    throw error;
  }
}

/** @returns {Promise<string>} A folder with bin/node, bin/npm and what they need. */
async function ensureBareNode() {
  const integrity = NODE_INTEGRITY[process.arch];
  if (integrity === undefined) {
    throw new Unavailable(`There is no Node for a bare system on ${process.arch}.`, 'run it on x64 or arm64');
  }
  return ensureArtefact({
    name: 'bare-node',
    key: `${integrity} ${NPM.integrity} layout-2`,
    describe: `Node ${NODE_VERSION} and npm ${NPM.version} for a bare system`,
    make: async (folder) => {
      const npmFolder = join(folder, 'lib', 'node_modules', 'npm');
      await mkdir(npmFolder, { recursive: true });
      await unpackFromNpm(`node-linux-${process.arch}@${NODE_VERSION}`, integrity, folder, [
        'package/bin/node',
      ]);
      await unpackFromNpm(`npm@${NPM.version}`, NPM.integrity, npmFolder, []);
      for (const name of ['npm', 'npx']) {
        await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(folder, 'bin', name));
      }
    },
  });
}

/**
 * @param {string} name With its version.
 * @param {string} integrity
 * @param {string} folder
 * @param {readonly string[]} members Empty for all.
 */
async function unpackFromNpm(name, integrity, folder, members) {
  const work = await mkdtemp(join(tmpdir(), 'lm-sandbox-npm-'));
  try {
    await run('npm', ['pack', name, '--ignore-scripts', '--silent', '--pack-destination', work]);
    const file = join(work, (await readdir(work))[0] ?? '');
    const found = `sha512-${await hashFile(file, 'sha512', 'base64')}`;
    if (found !== integrity) throw new Error(`${name} has the integrity ${found}, expected ${integrity}`);
    await run('tar', [
      ...['--extract', '--gzip', '--no-same-owner', '--strip-components=1'],
      ...['--file', file, '--directory', folder, ...members],
    ]);
  } finally {
    await rm(work, { recursive: true });
  }
}

/** @param {readonly string[]} packages */
async function ensurePackages(packages) {
  return ensureArtefact({
    name: `bare-packages-${packages.join('-')}`,
    key: `${MODERN_RELEASE} layout-1`,
    describe: `Debian's ${packages.join(', ')} for a bare system`,
    make: (folder) => unpackModernPackages(packages, folder),
  });
}

/**
 * The way to packages, as whoever owns such a computer would have set it: in files of npm and pip.
 * @param {string} root
 * @param {PackageSettings} pip
 */
async function settle(root, pip) {
  const ask = async (/** @type {string} */ key) => {
    const value = (await run('npm', ['config', 'get', key], { cwd: '/' })).stdout.trim();
    return ['', 'null', 'undefined'].includes(value) ? null : value;
  };
  // npm takes these from Node; a person there has npm's own setting.
  const cafile = (await ask('cafile')) ?? process.env['NODE_EXTRA_CA_CERTS'] ?? null;
  const settings = [];
  for (const key of ['registry', 'proxy', 'https-proxy', 'noproxy']) {
    const value = await ask(key);
    if (value !== null) settings.push(`${key}=${value}`);
  }
  if (cafile !== null) {
    await copyFile(cafile, join(root, CERTIFICATES));
    settings.push(`cafile=${CERTIFICATES}`);
  }
  const own = join(homedir(), '.npmrc');
  const secrets = existsSync(own)
    ? (await readFile(own, 'utf8')).split('\n').filter((line) => line.startsWith('//'))
    : [];
  const npmrc = join(root, HOME, '.npmrc');
  await writeFile(npmrc, [...settings, ...secrets, ''].join('\n'), { mode: 0o600 });

  const [index, ...others] = pip.indexUrls;
  const lines = ['[global]'];
  if (index !== undefined) lines.push(`index-url = ${index}`);
  if (others.length > 0) lines.push(`extra-index-url = ${others.join(' ')}`);
  if (pip.trustedHosts.length > 0) lines.push(`trusted-host = ${pip.trustedHosts.join(' ')}`);
  if (pip.proxyUrl !== null) lines.push(`proxy = ${pip.proxyUrl}`);
  if (pip.certificateFile !== null) {
    await copyFile(pip.certificateFile, join(root, '/etc/company-pip.pem'));
    lines.push('cert = /etc/company-pip.pem');
  }
  await mkdir(join(root, HOME, '.config', 'pip'), { recursive: true });
  await writeFile(join(root, HOME, '.config', 'pip', 'pip.conf'), `${lines.join('\n')}\n`, { mode: 0o600 });
}

/**
 * What a person gets who clones the project; without git, what this checkout has besides what is made in it.
 * @param {string} folder
 */
async function checkOut(folder) {
  if (existsSync(join(PROJECT, '.git')) && findProgram('git') !== undefined) {
    await run('git', ['clone', '--quiet', '--no-hardlinks', PROJECT, folder]);
    return;
  }
  await cp(PROJECT, folder, { recursive: true, filter: (source) => !MADE_HERE.has(basename(source)) });
}

/**
 * @param {string} root
 * @param {string} npmCache
 * @param {readonly string[]} command
 */
function enterCommand(root, npmCache, command) {
  const proxies = PROXIES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [`${name}=${value}`];
  });
  return [
    // With this process the system ends too, even when this one is killed.
    ...['setpriv', '--pdeathsig', 'KILL', '--', 'unshare', ...NAMESPACES],
    ...['sh', ENTER, root, npmCache, HOME, CHECKOUT, ...proxies, ...command],
  ];
}

/**
 * @param {string} root
 * @param {string} npmCache
 * @param {readonly string[]} command
 * @returns {Started}
 */
function enter(root, npmCache, command) {
  const [program = '', ...args] = enterCommand(root, npmCache, command);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  /** @type {Set<() => void>} */
  const listeners = new Set();
  const tell = () => listeners.forEach((listener) => listener());
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output += text;
      tell();
    });
  }
  let ended = false;
  const closed = new Promise((resolve) =>
    child.once('close', () => {
      ended = true;
      tell();
      resolve(undefined);
    }),
  );
  return {
    output: () => output,
    waitFor: (pattern, limitMs) =>
      new Promise((resolve, reject) => {
        const stop = () => {
          clearTimeout(timer);
          listeners.delete(look);
        };
        const look = () => {
          const found = pattern.exec(output)?.[0];
          if (found === undefined && !ended) return;
          stop();
          if (found !== undefined) resolve(found);
          else reject(new Error(`It ended without ${pattern}:\n${output}`));
        };
        const timer = setTimeout(() => {
          stop();
          reject(new Error(`After ${limitMs / 1000} s there is no ${pattern}:\n${output}`));
        }, limitMs);
        listeners.add(look);
        look();
      }),
    end: async () => {
      if (!ended) child.kill('SIGKILL');
      await closed;
    },
  };
}
