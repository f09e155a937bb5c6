/**
 * Installs the dependencies that the lock file names, when they are not installed already.
 * @module
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashTree } from './hash-tree.mjs';
import { readStamp, writeStamp } from './stamp.mjs';

/**
 * @param {string} root
 * @returns {Promise<void>}
 * @throws {Error} One line: that `npm ci` failed; its own output has been shown.
 */
export async function ensureDependencies(root) {
  const stampFile = join(root, 'node_modules', '.lm-sandbox-installed.json');
  const key = await hashTree(root, ['package-lock.json', '.npmrc'], {
    salt: `${process.platform} ${process.arch}`,
  });
  if ((await readStamp(stampFile)) === key) return;
  if (await isInstalledAsLocked(root)) {
    await writeStamp(stampFile, key);
    return;
  }
  process.stderr.write('· installing dependencies (npm ci)\n');
  await new Promise((resolve, reject) => {
    // Of the packages' own advice to their developers nothing is shown, of errors all.
    // Install scripts are not run: no dependency needs one, and none gets to run code here by being installed.
    const child = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      // Progress belongs to whoever waits, not into what the command prints.
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    });
    child.once('error', (error) => reject(new Error(`npm could not be started: ${error.message}`)));
    child.once('close', (code) => {
      if (code === 0) resolve(undefined);
      else reject(new Error(`npm ci failed with exit code ${code}; its output is above.`));
    });
  });
  await writeStamp(stampFile, key);
}

/**
 * What a developer installed by hand counts, so that `npm start` does not delete and fetch it all again.
 * @param {string} root
 */
async function isInstalledAsLocked(root) {
  const installedLock = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedLock)) return false;
  const locked = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(await readFile(installedLock, 'utf8')).packages;
  return Object.entries(locked).every(
    ([path, entry]) =>
      path === '' ||
      // Binaries for other systems are optional and rightly absent.
      (installed[path] === undefined ? entry.optional === true : installed[path].version === entry.version),
  );
}
