import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cacheFolder, ensureArtefact } from './cache.mjs';

describe('the cache of what is costly to make', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-cache-'));
    vi.stubEnv('LM_SANDBOX_TEST_CACHE', folder);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  const artefact = (key: string, make: (partial: string) => Promise<void>) =>
    ensureArtefact({ name: 'thing', key, describe: 'a thing', make });

  it('makes an artefact once for callers at the same time', async () => {
    let made = 0;
    const make = async (partial: string) => {
      made += 1;
      await writeFile(join(partial, 'content'), 'whole');
    };
    const [first, second] = await Promise.all([artefact('1', make), artefact('1', make)]);
    expect(second).toBe(first);
    expect(made).toBe(1);
    expect(await readFile(join(first, 'content'), 'utf8')).toBe('whole');
  });

  it('never takes one whose making was interrupted', async () => {
    const failing = async (partial: string) => {
      await writeFile(join(partial, 'content'), 'half');
      throw new Error('interrupted');
    };
    await expect(artefact('1', failing)).rejects.toThrow('interrupted');
    const made = await artefact('1', (partial) => writeFile(join(partial, 'other'), ''));
    expect(existsSync(join(made, 'content'))).toBe(false);
  });

  it('makes it anew for another key, and removes the old one', async () => {
    const old = await artefact('1', async () => undefined);
    const fresh = await artefact('2', async () => undefined);
    expect(existsSync(old)).toBe(false);
    expect(await readdir(dirname(fresh))).toHaveLength(1);
  });

  it('makes it anew when it does not pass its check any more', async () => {
    const verify = async (found: string) => existsSync(join(found, 'content'));
    const make = (partial: string) => writeFile(join(partial, 'content'), '');
    const options = { name: 'thing', key: '1', describe: 'a thing', make, verify };
    const made = await ensureArtefact(options);
    await rm(join(made, 'content'));
    expect(existsSync(join(await ensureArtefact(options), 'content'))).toBe(true);
  });

  it('lies where the variables say', () => {
    expect(cacheFolder({ LM_SANDBOX_TEST_CACHE: '/a' })).toBe('/a');
    expect(cacheFolder({ XDG_CACHE_HOME: '/b' })).toBe('/b/lm-sandbox');
  });
});
