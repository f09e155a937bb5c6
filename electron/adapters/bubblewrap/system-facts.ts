import { lstat, readdir, readlink } from 'node:fs/promises';
import type { SystemFacts } from './arguments';

/** Folders at the root that hold programs and libraries, on the distributions known. */
const systemFolders = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/opt',
  '/nix/store',
  '/gnu/store',
];

export async function readSystemFacts(): Promise<SystemFacts> {
  const links: { path: string; target: string }[] = [];
  const folders: string[] = [];
  for (const path of systemFolders) {
    const stat = await lstat(path).catch(() => null);
    if (stat?.isSymbolicLink()) links.push({ path, target: await readlink(path) });
    // What is not root's is no part of the system.
    else if (stat?.isDirectory() && stat.uid === 0) folders.push(path);
  }
  return { links, folders, etc: (await readdir('/etc').catch(() => [])).sort() };
}
