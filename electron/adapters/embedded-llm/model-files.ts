import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { LmError } from '../../contract';

export interface ModelFile {
  /** The file's name without `.gguf`. */
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
}

/** The GGUF files of a folder; one that does not exist yet has none. */
export async function listModelFiles(folder: string): Promise<readonly ModelFile[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new LmError('storage_failed', `The folder of the models cannot be read: ${folder}.`, {
      details: { reason: error instanceof Error ? error.message : String(error) },
      cause: error,
    });
  });
  const files = await Promise.all(
    names
      .filter((name) => /\.gguf$/i.test(name))
      .map(async (name): Promise<ModelFile | null> => {
        const file = path.join(folder, name);
        const facts = await stat(file).catch(() => null);
        return facts?.isFile()
          ? { name: name.replace(/\.gguf$/i, ''), path: file, sizeBytes: facts.size }
          : null;
      }),
  );
  return files.filter((file) => file !== null).sort((left, right) => left.name.localeCompare(right.name));
}

/** Looks the name up among the files, so that no name can lead out of the folder. */
export async function findModelFile(folder: string, name: string): Promise<ModelFile> {
  const found = (await listModelFiles(folder)).find((file) => file.name === name);
  if (found) return found;
  throw new LmError('model_not_found', `There is no model ${name} in ${folder}.`, {
    repair: { text: 'Put its .gguf file there, or fetch a model.' },
  });
}

export async function removeModelFile(folder: string, name: string): Promise<void> {
  await rm((await findModelFile(folder, name)).path, { force: true });
}
