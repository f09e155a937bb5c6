import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { ensureTestElectron } from './electron.mjs';

/**
 * The tests' Electron with the app of `folder` in it, as an executable: the Electron of the tests starts only what
 * lies in its resources.
 * @param {string} folder
 * @param {string} scratch Where the copy goes; its files are hard links.
 * @returns {Promise<string>}
 */
export async function electronWith(folder, scratch) {
  const electron = await ensureTestElectron();
  const copy = path.join(scratch, path.basename(folder));
  if (existsSync(copy)) rmSync(copy, { recursive: true });
  mkdirSync(scratch, { recursive: true });
  try {
    execFileSync('cp', ['-al', electron.distFolder, copy], { stdio: 'pipe' });
  } catch {
    // Another file system: links cannot cross it.
    execFileSync('cp', ['-a', electron.distFolder, copy], { stdio: 'pipe' });
  }
  mkdirSync(path.join(copy, 'resources'), { recursive: true });
  symlinkSync(folder, path.join(copy, 'resources', 'app'));
  return path.join(copy, path.basename(electron.executablePath));
}
