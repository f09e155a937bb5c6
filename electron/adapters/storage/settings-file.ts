import { copyFile, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LmError } from '../../contract';
import type { SettingsGeneration, SettingsStore } from '../../services/settings/ports';

/** The newest and three before it. */
const lastGeneration = 3;

/**
 * `settings.json` with `settings.json.1` … `.3` before it, in a folder that only the user may read.
 * @param now For the names of files that are set aside.
 */
export function createSettingsFile(folder: string, now: () => Date = () => new Date()): SettingsStore {
  const path = join(folder, 'settings.json');
  const place = (generation: number) => (generation === 0 ? path : `${path}.${generation}`);

  const keepGenerations = async () => {
    for (let generation = lastGeneration; generation > 1; generation -= 1) {
      await ifPresent(rename(place(generation - 1), place(generation)));
    }
    // A copy and not a rename, so that `path` exists at every moment.
    await ifPresent(copyFile(path, place(1)));
  };

  return {
    read: async () => {
      const generations: SettingsGeneration[] = [];
      for (let generation = 0; generation <= lastGeneration; generation += 1) {
        try {
          const text = await readFile(place(generation), 'utf8');
          generations.push({ generation, place: place(generation), text });
        } catch (error) {
          if (errno(error) !== 'ENOENT') throw storageFailed('read', place(generation), error);
        }
      }
      return generations;
    },
    setAside: async (generation) => {
      const stamp = now().toISOString().replace(/[:.]/g, '-');
      const aside = `${place(generation.generation)}.broken-${stamp}`;
      try {
        await rename(place(generation.generation), aside);
      } catch (error) {
        throw storageFailed('move', generation.place, error);
      }
      return aside;
    },
    write: async (text) => {
      const partial = `${path}.${process.pid}.partial`;
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await writeThrough(partial, text);
        await keepGenerations();
        await rename(partial, path);
        await syncFolder(dirname(path));
      } catch (error) {
        // Its own failure would hide the cause.
        await rm(partial, { force: true }).catch(() => undefined);
        throw storageFailed('write', path, error);
      }
    },
  };
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Without this a power cut can undo the rename. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function ifPresent(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
  }
}

function storageFailed(verb: string, path: string, error: unknown): LmError {
  const code = errno(error);
  const options = { details: { path, reason: code ?? String(error) }, retryable: true, cause: error };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new LmError(
      'disk_full',
      `The disk is full, so ${path} could not be written; the earlier one is kept.`,
      {
        ...options,
        repair: { text: 'Free space on the disk, then try again.', command: `df -h ${dirname(path)}` },
      },
    );
  }
  return new LmError('storage_failed', `Could not ${verb} ${path} (${code ?? 'unknown failure'}).`, {
    ...options,
    repair: {
      text: 'Check the owner and the permissions of the file and its folder.',
      command: `ls -la ${dirname(path)}`,
    },
  });
}

function errno(error: unknown): string | null {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : null;
  return typeof code === 'string' ? code : null;
}
