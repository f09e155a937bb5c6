import { mkdir, rename, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { MirrorFile, StarterFiles } from '../../services/starter';
import { hashOf } from './file-hash';

/** The folder of the embedded models; partial files lie in a folder below it. */
export function createStarterFiles(folder: string): StarterFiles {
  const partialFolder = path.join(folder, '.partial');
  const partialOf = (file: MirrorFile) => path.join(partialFolder, `${file.sha256}.part`);
  const placeOf = (file: MirrorFile) => path.join(folder, file.name);
  const sizeOf = (name: string) =>
    stat(name).then(
      ({ size }) => size,
      () => null,
    );
  const makeFolder = () => mkdir(partialFolder, { recursive: true, mode: 0o700 });
  return {
    folder,
    isInstalled: async (file) => (await sizeOf(placeOf(file))) === file.sizeBytes,
    partialFile: async (file) => {
      await makeFolder();
      return partialOf(file);
    },
    partialBytes: async (file) => (await sizeOf(partialOf(file))) ?? 0,
    freeBytes: async () => {
      await makeFolder();
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
    hashPartial: (file, signal) => hashOf(partialOf(file), signal),
    discardPartial: (file) => rm(partialOf(file), { force: true }),
    install: async (file) => {
      await rename(partialOf(file), placeOf(file));
      return placeOf(file);
    },
  };
}
