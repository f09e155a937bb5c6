/**
 * One hash over many files: the question "has anything changed since?".
 * @module
 */
import { createHash } from 'node:crypto';
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Names of folders that never decide what is made.
 * @type {ReadonlySet<string>}
 */
const IGNORED_NAMES = new Set([
  'node_modules',
  '__pycache__',
  '.pytest_cache',
  '.mypy_cache',
  '.ruff_cache',
  '.hypothesis',
  '.venv',
]);

/**
 * @param {string} root
 * @param {readonly string[]} paths Files and folders below root; one that is not there counts as such.
 * @param {{ salt?: string, exclude?: readonly string[] }} [options] `salt`: anything else that decides the
 *   result. `exclude`: paths below root to leave out.
 * @returns {Promise<string>} Hexadecimal SHA-256 of names, kinds, executable bits and contents.
 */
export async function hashTree(root, paths, { salt = '', exclude = [] } = {}) {
  const hash = createHash('sha256').update(salt);
  for (const path of [...paths].sort()) await add(hash, root, path, new Set(exclude));
  return hash.digest('hex');
}

/**
 * @param {import('node:crypto').Hash} hash
 * @param {string} root
 * @param {string} path
 * @param {ReadonlySet<string>} excluded
 */
async function add(hash, root, path, excluded) {
  if (excluded.has(path)) return;
  const absolute = join(root, path);
  const facts = await lstat(absolute).catch(() => undefined);
  if (facts === undefined) {
    hash.update(`absent ${path}\0`);
  } else if (facts.isSymbolicLink()) {
    hash.update(`link ${path}\0${await readlink(absolute)}\0`);
  } else if (facts.isDirectory()) {
    hash.update(`folder ${path}\0`);
    for (const name of (await readdir(absolute)).sort()) {
      if (!IGNORED_NAMES.has(name)) await add(hash, root, `${path}/${name}`, excluded);
    }
  } else if (facts.isFile()) {
    const isExecutable = (facts.mode & 0o111) !== 0;
    hash.update(`file ${path}\0${isExecutable}\0${facts.size}\0`).update(await readFile(absolute));
  }
}
