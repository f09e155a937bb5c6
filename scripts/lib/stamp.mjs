/**
 * Stamps: small files that say from what something was made, so that it is not made twice.
 * @module
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * @param {string} file
 * @returns {Promise<string | undefined>} The key; undefined when nothing whole has been made.
 */
export async function readStamp(file) {
  try {
    const { key } = JSON.parse(await readFile(file, 'utf8'));
    return typeof key === 'string' ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} file
 * @param {string} key
 * @returns {Promise<void>}
 */
export async function writeStamp(file, key) {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, `${JSON.stringify({ key })}\n`);
  await rename(`${file}.new`, file);
}
