import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createAdoptionFile } from './adoption-file';
import { createSettingsFile } from './settings-file';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lm-settings-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('is empty before anything was written', async () => {
  expect(await createSettingsFile(join(folder, 'new')).read()).toEqual([]);
});

it('keeps the newest and three before it, readable by its user only', async () => {
  const data = join(folder, 'data');
  const store = createSettingsFile(data);
  for (const text of ['one', 'two', 'three', 'four', 'five']) await store.write(text);
  expect((await store.read()).map((generation) => generation.text)).toEqual(['five', 'four', 'three', 'two']);
  expect((await readdir(data)).sort()).toEqual([
    'settings.json',
    'settings.json.1',
    'settings.json.2',
    'settings.json.3',
  ]);
  expect((await stat(join(data, 'settings.json'))).mode & 0o777).toBe(0o600);
  expect((await stat(data)).mode & 0o777).toBe(0o700);
});

it('sets a broken file aside where nothing overwrites it', async () => {
  const store = createSettingsFile(folder, () => new Date('2026-01-02T03:04:05.678Z'));
  await store.write('good');
  await store.write('broken');
  const [newest] = await store.read();
  const place = await store.setAside(newest!);
  expect(place).toBe(join(folder, 'settings.json.broken-2026-01-02T03-04-05-678Z'));
  await store.write('next');
  expect(await readFile(place, 'utf8')).toBe('broken');
  expect((await store.read()).map((generation) => generation.text)).toEqual(['next', 'good']);
});

it('says what it could not do, and leaves no half file', async () => {
  const blocked = join(folder, 'blocked');
  await writeFile(blocked, 'a file where a folder should be');
  await expect(createSettingsFile(blocked).write('x')).rejects.toMatchObject({
    code: 'storage_failed',
    data: { repair: { command: `ls -la ${blocked}` } },
  });
  const store = createSettingsFile(folder);
  await mkdir(join(folder, 'settings.json'));
  await expect(store.read()).rejects.toMatchObject({ code: 'storage_failed' });
  await expect(store.write('x')).rejects.toMatchObject({ code: 'storage_failed' });
  expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([]);
});

it('remembers an adopted container, and takes a broken note for none', async () => {
  const adoption = createAdoptionFile(join(folder, 'data'));
  expect(await adoption.read()).toBeNull();
  const id = 'a'.repeat(64);
  await adoption.write(id);
  expect(await createAdoptionFile(join(folder, 'data')).read()).toBe(id);
  await writeFile(join(folder, 'data', 'adopted-container.json'), '{"containerId":"../../x"}');
  expect(await adoption.read()).toBeNull();
  await adoption.write(null);
  await adoption.write(null);
  expect(await readdir(join(folder, 'data'))).toEqual([]);
});
