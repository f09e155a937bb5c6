import { chmod, chown, cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LmError } from '../../contract';
import { insideHome, insideHostname, insideUserId, nobodyId, type SandboxFolders } from './arguments';
import { systemCallFilter } from './system-call-filter';

export function sandboxFolders(dataFolder: string): SandboxFolders {
  const below = (name: string) => path.join(dataFolder, 'embedded', name);
  return {
    home: below('home'),
    workspace: below('workspace'),
    temporary: below('tmp'),
    system: below('system'),
  };
}

/** The filter of this processor; null where there is none. */
export function systemCallFilterFile(folders: SandboxFolders): string | null {
  return systemCallFilter(process.arch) ? path.join(folders.system, 'system-calls.bpf') : null;
}

/**
 * Makes what is missing, and the sandbox's own files in /etc anew. `owner` is set where the app runs as root and
 * programs inside do not.
 */
export async function prepareFolders(
  folders: SandboxFolders,
  owner: number | null,
  shell: string,
): Promise<void> {
  try {
    // The way to them is closed to other people of the computer.
    await mkdir(path.dirname(folders.home), { recursive: true, mode: 0o700 });
    const fresh = (await mkdir(folders.home, { recursive: true, mode: 0o700 })) !== undefined;
    for (const folder of [folders.workspace, folders.temporary, folders.system]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
    if (fresh) await cp('/etc/skel', folders.home, { recursive: true }).catch(() => undefined);
    await emptyFolder(folders.temporary);
    const user = owner ?? insideUserId;
    const write = async (name: string, content: string | Uint8Array) => {
      const file = path.join(folders.system, name);
      await writeFile(file, content);
      // Read inside by whoever the programs run as.
      await chmod(file, 0o644);
    };
    await write(
      'passwd',
      [
        'root:x:0:0:root:/root:/usr/sbin/nologin',
        `sandbox:x:${user}:${user}:Sandbox:${insideHome}:${shell}`,
        ...(user === nobodyId ? [] : [`nobody:x:${nobodyId}:${nobodyId}:nobody:/:/usr/sbin/nologin`]),
        '',
      ].join('\n'),
    );
    await write(
      'group',
      [
        'root:x:0:',
        'tty:x:5:',
        `sandbox:x:${user}:`,
        ...(user === nobodyId ? [] : [`nogroup:x:${nobodyId}:`]),
        '',
      ].join('\n'),
    );
    await write('hosts', `127.0.0.1 localhost ${insideHostname}\n::1 localhost ${insideHostname}\n`);
    await write('hostname', `${insideHostname}\n`);
    const filter = systemCallFilter(process.arch);
    if (filter) await write('system-calls.bpf', filter);
    if (owner !== null) {
      for (const folder of [folders.home, folders.workspace, folders.temporary]) {
        await chown(folder, owner, owner);
        if (folder === folders.home && fresh) {
          for (const name of await readdir(folder)) await chown(path.join(folder, name), owner, owner);
        }
      }
    }
  } catch (error) {
    throw asStorageError(error, path.dirname(folders.home));
  }
}

/** Only while no program runs that could put a link in the way. */
export async function emptyFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

function asStorageError(error: unknown, folder: string): LmError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new LmError(
      'disk_full',
      `There is no room for the folders of the embedded sandbox in ${folder}.`,
      {
        repair: { text: 'Free some space, then start it again.' },
        retryable: true,
        cause: error,
      },
    );
  }
  return new LmError('storage_failed', `The folders of the embedded sandbox in ${folder} cannot be made.`, {
    details: { reason: error instanceof Error ? error.message : String(error) },
    repair: { text: 'Check who owns that folder, then start it again.' },
    retryable: true,
    cause: error,
  });
}
