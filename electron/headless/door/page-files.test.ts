import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PageFiles } from './page-files';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lm-sandbox-page-'));
  await mkdir(path.join(folder, 'assets'));
  await writeFile(path.join(folder, 'sign-in.html'), '');
  await writeFile(path.join(folder, 'assets/app-EfGh5678.js'), 'app();');
});
afterAll(() => rm(folder, { recursive: true }));

it('a file is kept once, however its path is spelt', async () => {
  const files = await PageFiles.open(folder);
  const first = await files.read('/assets/app-EfGh5678.js');
  expect(first).toMatchObject({ immutable: true, compressed: null });
  for (const spelling of [
    '//assets//app-EfGh5678.js',
    '/assets/./app-EfGh5678.js',
    '/%61ssets/app-EfGh5678.js',
  ]) {
    expect(await files.read(spelling)).toBe(first);
  }
  expect(await files.read('/assets/none.js')).toBeNull();
});
