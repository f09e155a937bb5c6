import { mkdir, open, rename, rm, statfs, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { LmError } from '../../contract';
import type { ModelImporter, ModelUpload } from '../../services/models';

/** Puts GGUF files that come from a page into the folder of the embedded models. */
export function createFolderImporter(folder: string): ModelImporter {
  return { open: (fileName, sizeBytes) => new FolderUpload(folder, fileName, sizeBytes) };
}

class FolderUpload implements ModelUpload {
  private readonly target: string;
  private readonly partial: string;
  private opened: Promise<FileHandle> | null = null;

  constructor(
    private readonly folder: string,
    fileName: string,
    private readonly sizeBytes: number,
  ) {
    this.target = path.join(folder, fileName);
    this.partial = path.join(folder, '.partial', `${fileName}.import`);
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      this.opened ??= this.begin();
      await (await this.opened).writeFile(bytes);
    } catch (error) {
      throw asLmError(error);
    }
  }

  async finish(): Promise<void> {
    try {
      await this.close();
      await rename(this.partial, this.target);
    } catch (error) {
      throw asLmError(error);
    }
  }

  async abort(): Promise<void> {
    await this.close().catch(() => undefined);
    await rm(this.partial, { force: true });
  }

  private async begin(): Promise<FileHandle> {
    await mkdir(path.dirname(this.partial), { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(this.folder);
    if (bavail * bsize < this.sizeBytes) throw diskFull(this.folder);
    return open(this.partial, 'w');
  }

  private async close(): Promise<void> {
    const handle = await this.opened;
    this.opened = null;
    await handle?.close();
  }
}

function diskFull(folder: string): LmError {
  return new LmError('disk_full', `There is not enough room for the model in ${folder}.`, {
    repair: { text: 'Make room on that disk, then try again.' },
    retryable: true,
  });
}

function asLmError(error: unknown): LmError {
  if (error instanceof LmError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
  return new LmError(full ? 'disk_full' : 'storage_failed', `The model could not be written: ${reason}`, {
    retryable: full,
    cause: error,
  });
}
