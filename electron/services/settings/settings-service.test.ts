import { describe, expect, it } from 'vitest';
import { defaultSettings, LmError, type SettingsState } from '../../contract';
import { silentLogger } from '../foundation';
import type { SettingsGeneration, SettingsStore } from './ports';
import { SettingsService } from './settings-service';

class FakeStore implements SettingsStore {
  generations: SettingsGeneration[] = [];
  aside: string[] = [];
  failure: LmError | null = null;
  writes = 0;

  constructor(...texts: string[]) {
    this.generations = texts.map((text, generation) => ({
      generation,
      place: `settings.${generation}`,
      text,
    }));
  }

  async read(): Promise<readonly SettingsGeneration[]> {
    if (this.failure) throw this.failure;
    return this.generations;
  }

  async setAside(generation: SettingsGeneration): Promise<string> {
    this.aside.push(generation.text);
    return `${generation.place}.broken`;
  }

  async write(text: string): Promise<void> {
    if (this.failure) throw this.failure;
    this.writes += 1;
    this.generations = [{ generation: 0, place: 'settings.0', text }];
  }
}

const file = (settings: object) => JSON.stringify({ version: 1, settings });
const open = (store: FakeStore) => SettingsService.open({ store, logger: silentLogger });

describe('opening the settings', () => {
  it('gives the defaults, without a complaint, when nothing was ever written', async () => {
    expect((await open(new FakeStore())).state()).toEqual({
      revision: 1,
      settings: defaultSettings,
      error: null,
    });
  });

  it('fills what an older version did not know, and drops what a newer one added', async () => {
    const service = await open(new FakeStore(file({ hostPort: 9_000, fromTheFuture: true })));
    expect(service.state()).toEqual({
      revision: 1,
      settings: { ...defaultSettings, hostPort: 9_000 },
      error: null,
    });
  });

  it.each([
    ['cut off', '{"version":1,"sett'],
    ['full of NUL', '\0'.repeat(500)],
    ['empty', ''],
    ['of a wrong kind', '[]'],
    ['of another version', '{"version":2,"settings":{}}'],
    ['not valid', file({ hostPort: 'eight thousand' })],
    ['hostile', file({ workspaceVolume: '/var/run/docker.sock' })],
  ])(
    'takes the last good copy when the newest is %s, keeps the broken one and says so',
    async (_kind, broken) => {
      const store = new FakeStore(broken, file({ hostPort: 9_000 }));
      const state = (await open(store)).state();
      expect(state.settings.hostPort).toBe(9_000);
      expect(state.error).toMatchObject({
        code: 'storage_corrupt',
        details: { keptAt: 'settings.0.broken' },
        message: expect.stringContaining('settings.1') as string,
      });
      expect(store.aside).toEqual([broken]);
      expect(store.writes).toBe(0);
    },
  );

  it('takes the defaults when every copy is broken, and keeps them all', async () => {
    const store = new FakeStore('a', 'b', 'c');
    const state = (await open(store)).state();
    expect(state.settings).toEqual(defaultSettings);
    expect(state.error?.message).toContain('The defaults took its place');
    expect(store.aside).toEqual(['a', 'b', 'c']);
  });

  it('works with the defaults and says why when the store cannot be read', async () => {
    const store = new FakeStore();
    store.failure = new LmError('storage_failed', 'no permission');
    expect((await open(store)).state()).toMatchObject({
      settings: defaultSettings,
      error: { code: 'storage_failed' },
    });
  });
});

describe('changing the settings', () => {
  it('keeps and publishes them, and clears an old complaint', async () => {
    const store = new FakeStore('broken');
    const service = await open(store);
    const seen: SettingsState[] = [];
    service.onChanged.on((state) => seen.push(state));
    const state = await service.update({ hostPort: 9_000, gpu: 'none' });
    expect(state).toEqual({
      revision: 2,
      settings: { ...defaultSettings, hostPort: 9_000, gpu: 'none' },
      error: null,
    });
    expect(seen).toEqual([state]);
    expect((await open(store)).current()).toEqual(state.settings);
  });

  it('ignores what is left undefined, and refuses what is not valid', async () => {
    const store = new FakeStore();
    const service = await open(store);
    await service.update({ hostPort: 9_000, theme: undefined });
    expect(service.current()).toEqual({ ...defaultSettings, hostPort: 9_000 });
    await expect(service.update({ hostPort: 0 })).rejects.toMatchObject({ code: 'invalid_input' });
    expect(service.current().hostPort).toBe(9_000);
    expect(store.writes).toBe(1);
  });

  it('changes nothing when it cannot be kept, and goes on afterwards', async () => {
    const store = new FakeStore();
    const service = await open(store);
    store.failure = new LmError('disk_full', 'full');
    await expect(service.update({ hostPort: 9_000 })).rejects.toMatchObject({ code: 'disk_full' });
    expect(service.current()).toEqual(defaultSettings);
    store.failure = null;
    await service.update({ hostPort: 9_001 });
    expect(service.current().hostPort).toBe(9_001);
  });

  it('loses none of several changes made at once', async () => {
    const service = await open(new FakeStore());
    await Promise.all([
      service.update({ hostPort: 9_000 }),
      service.update({ theme: 'dark' }),
      service.update({ pidsLimit: 100 }),
    ]);
    expect(service.current()).toEqual({ ...defaultSettings, hostPort: 9_000, theme: 'dark', pidsLimit: 100 });
  });
});
