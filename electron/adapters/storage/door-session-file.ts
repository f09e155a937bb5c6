import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LmError } from '../../contract';
import type { DoorSessionStore } from '../../services/door/ports';
import type { Logger } from '../../services/foundation';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const fileSchema = z.object({
  version: z.literal(1),
  sessions: z.array(
    z.object({
      id: z.string().min(1).max(128),
      cookieHash: hash,
      keyHash: hash,
      createdAtMs: z.number().nonnegative(),
      lastSeenAtMs: z.number().nonnegative(),
      address: z.string().max(64),
      agent: z.string().max(256),
    }),
  ),
});

/** `browser-sessions.json` beside the settings, for its owner only. It holds hashes, no secret. */
export function createDoorSessionFile(folder: string, logger: Logger): DoorSessionStore {
  const path = join(folder, 'browser-sessions.json');
  return {
    read: async () => {
      try {
        return fileSchema.parse(JSON.parse(await readFile(path, 'utf8'))).sessions;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
          logger.warn('The sessions of browsers could not be read; they have to sign in again', { error });
        }
        return [];
      }
    },
    write: async (sessions) => {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const partial = `${path}.${process.pid}.partial`;
        await writeFile(partial, `${JSON.stringify({ version: 1, sessions }, null, 2)}\n`, { mode: 0o600 });
        // The mode of `writeFile` counts for new files only, and one may be left from a crash.
        await chmod(partial, 0o600);
        await rename(partial, path);
      } catch (error) {
        throw new LmError('storage_failed', `Could not write ${path}.`, {
          retryable: true,
          repair: { text: 'Check the space on the disk and the permissions of the folder.' },
          cause: error,
        });
      }
    },
  };
}
