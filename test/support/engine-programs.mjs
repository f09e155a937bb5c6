/**
 * The programs of the two engine generations that the tests run.
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureArtefact } from './cache.mjs';
import { MODERN_RELEASE, unpackModernPackages } from './debian.mjs';
import { findProgram, run } from './process.mjs';
import { Unavailable } from './report.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/**
 * `debian`: the installed release's own docker.io (20.10 on Debian 12: API 1.41, no CDI).
 * `modern`: the modern release's docker.io (28.5: API 1.51, BuildKit, CDI on).
 * @typedef {'debian' | 'modern'} Generation
 */

/**
 * @typedef {object} EnginePrograms
 * @property {string} dockerd
 * @property {string} searchPath PATH under which this generation finds its own containerd, shim and runc.
 * @property {string} [userlandProxy] Where `docker-proxy` lies when it is not on that PATH.
 */

const PACKAGES = ['docker.io', 'docker-cli', 'containerd', 'docker-buildx', 'docker-compose'];

/**
 * @returns {Promise<string>} A folder with the modern release's docker, dockerd, containerd, buildx, compose.
 */
async function ensureModernPackages() {
  return ensureArtefact({
    name: 'modern-docker',
    key: `${MODERN_RELEASE} ${PACKAGES.join(' ')} layout-1`,
    describe: 'the modern Docker Engine, unpacked from Debian packages (85 MB)',
    make: async (folder) => {
      await unpackModernPackages(PACKAGES, folder);
      // Only these plugins: the user's own configuration (credential helpers, contexts) stays out of tests.
      const plugins = join(folder, 'config', 'cli-plugins');
      await mkdir(plugins, { recursive: true });
      for (const plugin of ['docker-buildx', 'docker-compose']) {
        await symlink(`../../usr/libexec/docker/cli-plugins/${plugin}`, join(plugins, plugin));
      }
      await run(join(folder, 'usr', 'bin', 'docker'), ['--version']);
    },
  });
}

/**
 * The command line for any of the engines: one client for all, with buildx and compose.
 * @returns {Promise<{ docker: string, configFolder: string }>}
 */
export async function ensureDockerClient() {
  const folder = await ensureModernPackages();
  return { docker: join(folder, 'usr', 'bin', 'docker'), configFolder: join(folder, 'config') };
}

/**
 * @param {Generation} generation
 * @returns {Promise<EnginePrograms>}
 * @throws {Unavailable} Without root or the packages.
 */
export async function ensureEnginePrograms(generation) {
  if (process.platform !== 'linux') {
    throw new Unavailable('The tests start their own Docker Engine only on Linux.', 'run them on Linux');
  }
  if (process.getuid?.() !== 0) {
    throw new Unavailable('Only root can start a Docker Engine of its own for the tests.', 'sudo npm test');
  }
  await ensureSystemPackages(['engine']);
  const systemPath = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  if (generation === 'debian') {
    // Not by PATH: another Docker may be installed first on it, and this generation must be the old one.
    const dockerd = existsSync('/usr/sbin/dockerd') ? '/usr/sbin/dockerd' : findProgram('dockerd');
    if (dockerd === undefined) {
      throw new Unavailable('dockerd is missing.', 'sudo apt-get install docker.io');
    }
    return { dockerd, searchPath: `/usr/sbin:/usr/bin:${systemPath}` };
  }
  const folder = await ensureModernPackages();
  const proxy = join(folder, 'usr', 'libexec', 'docker', 'docker-proxy');
  return {
    dockerd: join(folder, 'usr', 'sbin', 'dockerd'),
    // runc and docker-init stay the machine's own: the modern release's need its newer C library.
    searchPath: `${join(folder, 'usr', 'sbin')}:${join(folder, 'usr', 'bin')}:/usr/sbin:/usr/bin:${systemPath}`,
    ...(existsSync(proxy) ? { userlandProxy: proxy } : {}),
  };
}
