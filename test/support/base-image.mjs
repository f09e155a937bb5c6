/**
 * A base image that needs no container registry: Debian's modern release, made with debootstrap.
 * @module
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureArtefact } from './cache.mjs';
import { MODERN_RELEASE, debianMirror } from './debian.mjs';
import { run } from './process.mjs';
import { say } from './report.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/** @typedef {import('./engine.mjs').Engine} Engine */

export const BASE_IMAGE = `lm-sandbox-test-base:${MODERN_RELEASE}`;

/** @returns {Promise<string>} Path of the root file system as a tar file. */
export async function ensureRootFileSystem() {
  const folder = await ensureArtefact({
    name: 'base-image',
    key: `${MODERN_RELEASE} minbase layout-1`,
    describe: `the base image for tests (Debian ${MODERN_RELEASE}, debootstrap)`,
    make: async (partial) => {
      await ensureSystemPackages(['base']);
      const root = join(partial, 'root');
      const mirror = await debianMirror();
      // A release newer than this debootstrap has no script of its own; `sid` fits every newer one.
      const script = '/usr/share/debootstrap/scripts/sid';
      await run('debootstrap', ['--variant=minbase', MODERN_RELEASE, root, mirror, script], {
        timeoutMs: 900_000,
        onLine: (line) => {
          if (
            /^I: (Installing core|Unpacking the base|Configuring the base|Base system installed)/.test(line)
          ) {
            say(`debootstrap: ${line.slice(3)}`);
          }
        },
      });
      const excluded = ['./var/cache/apt/archives/*.deb', './var/lib/apt/lists/*', './dev/*'];
      await run('tar', [
        ...['--create', '--numeric-owner', '--directory', root, '--file', join(partial, 'rootfs.tar')],
        ...excluded.map((pattern) => `--exclude=${pattern}`),
        '.',
      ]);
      await rm(root, { recursive: true });
    },
  });
  return join(folder, 'rootfs.tar');
}

/**
 * Sees to it that an engine has the base image.
 * @param {Engine} engine
 * @returns {Promise<string>} Its tag.
 */
export async function ensureBaseImage(engine) {
  const archive = await ensureRootFileSystem();
  const found = await engine.docker(['image', 'ls', '--quiet', BASE_IMAGE]);
  if (found.stdout.trim() !== '') return BASE_IMAGE;
  say(`importing ${BASE_IMAGE} into the engine '${engine.name}'`);
  const environment = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  await engine.docker(['import', '--change', environment, '--change', 'CMD ["bash"]', archive, BASE_IMAGE]);
  return BASE_IMAGE;
}
