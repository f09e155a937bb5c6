/**
 * Packages the app with electron-builder. See --help.
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureBuild } from './lib/ensure-build.mjs';
import { ensureDependencies } from './lib/ensure-dependencies.mjs';
import { fitFuses } from './lib/fuses.mjs';
import { hashTree } from './lib/hash-tree.mjs';
import { readStamp, writeStamp } from './lib/stamp.mjs';

const HELP = `Packages the app into dist/.

  npm run package                                a folder that runs: dist/linux-unpacked
  npm run package -- --linux deb AppImage        what users install
  npm run package -- --test-electron             dist/test/linux-unpacked, with the Electron of the tests
`;

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const { values, positionals } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    linux: { type: 'boolean' },
    'test-electron': { type: 'boolean' },
  },
  allowPositionals: true,
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
await ensureDependencies(ROOT);
await ensureBuild(ROOT);

const targets = positionals.length > 0 ? positionals : ['dir'];
const forTests = values['test-electron'] === true;
const output = forTests ? join('dist', 'test') : 'dist';
const { load } = await import('js-yaml');
/** @type {any} */
const configuration = load(await readFile(join(ROOT, 'electron-builder.yml'), 'utf8'));
configuration.directories = { ...configuration.directories, output };

let electronVersion = 'as package.json says';
if (forTests) {
  const { ensureTestElectron } = await import('../test/support/electron.mjs');
  const electron = await ensureTestElectron();
  electronVersion = electron.version;
  configuration.electronDist = electron.distFolder;
  configuration.electronVersion = electron.version;
  const { getCurrentFuseWire } = await import('@electron/fuses');
  const wire = await getCurrentFuseWire(electron.executablePath);
  const wireLength = Object.keys(wire).filter((key) => /^\d+$/.test(key)).length;
  const { fuses, leftOut } = fitFuses(configuration.electronFuses, wireLength);
  configuration.electronFuses = fuses;
  for (const name of leftOut) {
    process.stderr.write(`· Electron ${electron.version} has no fuse ${name}; it is left out\n`);
  }
}

const executable = join(ROOT, output, 'linux-unpacked', configuration.linux.executableName);
const stampFile = join(ROOT, output, '.packaged.json');
const key = await hashTree(ROOT, ['out', 'docker', 'resources', 'package.json', 'package-lock.json'], {
  salt: JSON.stringify([configuration, targets]),
  exclude: ['out/types', 'docker/image/extra-ca-certificates'],
});
const isCurrent = forTests && existsSync(executable) && (await readStamp(stampFile)) === key;
if (!isCurrent) {
  process.stderr.write(`· packaging ${targets.join(', ')} with Electron ${electronVersion}\n`);
  await rm(stampFile, { force: true });
  // Given as a file: an object would be merged with electron-builder.yml, which brings left-out fuses back.
  const configurationFile = join(ROOT, output, 'electron-builder.json');
  await mkdir(join(ROOT, output), { recursive: true });
  await writeFile(configurationFile, JSON.stringify(configuration, undefined, 2));
  const { build, Platform, archFromString } = await import('electron-builder');
  await build({
    projectDir: ROOT,
    targets: Platform.LINUX.createTarget(targets, archFromString(process.arch)),
    config: configurationFile,
    publish: 'never',
  });
  if (forTests) await writeStamp(stampFile, key);
}
process.stdout.write(`${executable}\n`);
