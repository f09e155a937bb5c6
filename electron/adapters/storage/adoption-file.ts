import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LmError } from '../../contract';
import type { AdoptionStore } from '../../services/container/ports';

const fileSchema = z.object({ containerId: z.string().regex(/^[0-9a-f]{64}$/) });

/** `adopted-container.json` beside the settings. A broken one counts as none: adopting again is one click. */
export function createAdoptionFile(folder: string): AdoptionStore {
  const path = join(folder, 'adopted-container.json');
  return {
    read: async () => {
      try {
        return fileSchema.parse(JSON.parse(await readFile(path, 'utf8'))).containerId;
      } catch {
        return null;
      }
    },
    write: async (containerId) => {
      try {
        if (containerId === null) {
          await rm(path, { force: true });
          return;
        }
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const partial = `${path}.${process.pid}.partial`;
        await writeFile(partial, `${JSON.stringify({ containerId })}\n`, { mode: 0o600 });
        await rename(partial, path);
      } catch (error) {
        throw new LmError('storage_failed', `Could not write ${path}.`, { cause: error });
      }
    },
  };
}
