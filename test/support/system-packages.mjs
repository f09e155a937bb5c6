/**
 * The Debian packages that the tests need, and their installation where that is allowed.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { findProgram, run } from './process.mjs';
import { Unavailable, say } from './report.mjs';

/**
 * What is needed for what. A suite asks for its own group only, so one missing package does not stop all.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const PACKAGE_GROUPS = {
  display: ['xvfb', 'xauth', 'fonts-dejavu-core', 'fonts-noto-cjk'],
  electron: [
    'libgtk-3-0|libgtk-3-0t64',
    'libnss3',
    'libasound2|libasound2t64',
    'libgbm1',
    'libxss1',
    'libxtst6',
    'xz-utils',
  ],
  engine: [
    'docker.io',
    'containerd',
    'runc',
    'iptables',
    'iproute2',
    'debootstrap',
    'debian-archive-keyring',
    'tini',
    'dpkg',
    'util-linux',
  ],
  base: ['debootstrap', 'debian-archive-keyring', 'dpkg', 'util-linux'],
  registry: ['docker-registry', 'openssl'],
  isolation: ['bubblewrap'],
  browser: ['chromium', 'fonts-dejavu-core', 'fonts-noto-cjk'],
  python: ['python3', 'python3-venv'],
  shells: ['bash', 'zsh', 'fish'],
};

/**
 * @param {string} [osRelease] Content of /etc/os-release.
 * @returns {boolean} Whether this is Debian or one of its children (Ubuntu among them).
 */
export function isDebianLike(osRelease = readOsRelease()) {
  const fields = new Map(
    osRelease
      .split('\n')
      .map((line) => line.split('='))
      .filter((pair) => pair.length === 2)
      .map(([key, value]) => [key ?? '', (value ?? '').replaceAll('"', '')]),
  );
  return `${fields.get('ID') ?? ''} ${fields.get('ID_LIKE') ?? ''}`.split(/\s+/).includes('debian');
}

function readOsRelease() {
  return existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
}

/**
 * @param {readonly string[]} wanted Package names; `a|b` is satisfied by either (Ubuntu renamed some).
 * @param {string} dpkgStatus Output of `dpkg-query -W -f '${Package} ${db:Status-Status}\n'`.
 * @returns {string[]} The wanted entries that are not installed.
 */
export function missingPackages(wanted, dpkgStatus) {
  const installed = new Set(
    dpkgStatus
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return wanted.filter((entry) => !entry.split('|').some((name) => installed.has(name)));
}

/** @type {Promise<void> | undefined} The index is fetched once per process; it does not change in between. */
let indexUpdated;

/**
 * Sees to it that the packages of the named groups are installed.
 * @param {readonly string[]} groups Keys of PACKAGE_GROUPS.
 * @returns {Promise<void>}
 * @throws {Unavailable} When they are missing and cannot be installed from here.
 */
export async function ensureSystemPackages(groups) {
  const wanted = [...new Set(groups.flatMap((group) => PACKAGE_GROUPS[group] ?? []))];
  const command = `sudo apt-get install -y --no-install-recommends ${wanted.map((name) => name.split('|')[0]).join(' ')}`;
  if (!isDebianLike() || findProgram('apt-get') === undefined) {
    throw new Unavailable(
      `System packages (${groups.join(', ')}) can be installed only on Debian and Ubuntu.`,
      `install what ${wanted.join(', ')} provide with this system's own package manager`,
    );
  }
  let missing = await findMissing(wanted);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Unavailable(`Not installed: ${missing.join(', ')}, and only root may install it.`, command);
  }
  say(`installing system packages: ${missing.join(' ')}`);
  indexUpdated ??= apt(['update']);
  await indexUpdated;
  await apt(['install', '-y', '--no-install-recommends', ...(await chooseNames(missing))]);
  missing = await findMissing(wanted);
  if (missing.length > 0) {
    throw new Unavailable(`apt-get did not install ${missing.join(', ')}.`, command);
  }
}

/** @param {readonly string[]} wanted */
async function findMissing(wanted) {
  const status = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n']);
  return missingPackages(wanted, status.stdout);
}

/** @param {readonly string[]} entries */
async function chooseNames(entries) {
  const names = [];
  for (const entry of entries) {
    for (const name of entry.split('|')) {
      const policy = await run('apt-cache', ['policy', name]);
      if (/Candidate: (?!\(none\))/.test(policy.stdout)) {
        names.push(name);
        break;
      }
    }
  }
  return names;
}

/** @param {readonly string[]} args */
async function apt(args) {
  // Debian starts docker.io's own daemon at installation; the tests bring their own engines, and in a
  // container there is no service manager. policy-rc.d is the documented switch, here through the environment.
  await run('apt-get', ['-o', 'DPkg::Lock::Timeout=600', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    timeoutMs: 900_000,
  });
}
