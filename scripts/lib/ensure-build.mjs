/**
 * Builds the app into out/ when a source has changed since it was built.
 * @module
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hashTree } from './hash-tree.mjs';
import { readStamp, writeStamp } from './stamp.mjs';

const SOURCES = [
  'electron',
  'renderer',
  'resources',
  'electron.vite.config.ts',
  'scripts/lib/bundle-cli.mjs',
  'scripts/lib/bundle-embedded-llm.mjs',
  'package.json',
  'package-lock.json',
  'tsconfig.base.json',
];

/**
 * @param {string} root
 * @returns {Promise<void>}
 * @throws {Error} One line: that the build failed; its own output has been shown.
 */
export async function ensureBuild(root) {
  const stampFile = join(root, 'out', '.built.json');
  const key = await hashTree(root, SOURCES);
  if ((await readStamp(stampFile)) === key && existsSync(join(root, 'out', 'main', 'index.cjs'))) return;
  process.stderr.write('· building the app\n');
  await rm(stampFile, { force: true });
  await new Promise((resolve, reject) => {
    const program = join(root, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js');
    const child = spawn(process.execPath, [program, 'build', '--logLevel', 'warn'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(undefined);
      else reject(new Error(`The build failed with exit code ${code}; its output is above.`));
    });
  });
  await writeStamp(stampFile, key);
}
