import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFolderImporter } from './folder-importer';

let folder: string;
beforeEach(async () => {
  folder = path.join(await mkdtemp(path.join(tmpdir(), 'lm-import-')), 'models');
});
afterEach(() => rm(path.dirname(folder), { recursive: true }));

test('A file is in its place once it is whole, and not before', async () => {
  const upload = createFolderImporter(folder).open('tiny.gguf', 6);
  await upload.write(Uint8Array.of(1, 2, 3));
  expect(await readdir(folder)).toEqual(['.partial']);
  await upload.write(Uint8Array.of(4, 5, 6));
  await upload.finish();
  expect([...(await readFile(path.join(folder, 'tiny.gguf')))]).toEqual([1, 2, 3, 4, 5, 6]);
  expect(await readdir(path.join(folder, '.partial'))).toEqual([]);
});

test('An aborted upload leaves nothing behind', async () => {
  const upload = createFolderImporter(folder).open('tiny.gguf', 6);
  await upload.write(Uint8Array.of(1));
  await upload.abort();
  expect(await readdir(folder)).toEqual(['.partial']);
  expect(await readdir(path.join(folder, '.partial'))).toEqual([]);
});

test('A file that cannot fit is refused before it is written', async () => {
  const upload = createFolderImporter(folder).open('tiny.gguf', Number.MAX_SAFE_INTEGER);
  await expect(upload.write(Uint8Array.of(1))).rejects.toMatchObject({ data: { code: 'disk_full' } });
  await upload.abort();
});
