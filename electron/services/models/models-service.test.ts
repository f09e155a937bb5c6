import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LmError, type Model, type ModelList } from '../../contract';
import { FakeRunningContainer } from '../container/running-container.fakes';
import { ManualClock } from '../foundation/manual-clock.fakes';
import { silentLogger } from '../foundation';
import { ModelsService } from './models-service';
import type { LlmBackend, ModelUpload, PullProgress } from './ports';

const model = (name: string, state: Model['load']['state'] = 'unloaded'): Model => ({
  reference: { runtime: 'ollama', name },
  sizeBytes: 5,
  family: null,
  parameterCount: null,
  quantisation: null,
  load: { state, memoryBytes: null, gpuShare: null, contextSize: null, expiresAtMs: null, error: null },
});

class FakeOllama implements LlmBackend {
  readonly runtime = 'ollama';
  models: Model[] = [model('b'), model('a')];
  failWith: LmError | null = null;
  hang = false;
  /** Answers wait for it; they tell what was true when they were asked for. */
  held: Promise<void> | null = null;
  lists = 0;

  version(): Promise<string> {
    return Promise.resolve('0.34.2');
  }
  list(signal: AbortSignal): Promise<Model[]> {
    this.lists += 1;
    if (this.hang) {
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new LmError('cancelled', 'Cancelled.'))),
      );
    }
    const { models } = this;
    if (this.failWith) return Promise.reject(this.failWith);
    return this.held ? this.held.then(() => models) : Promise.resolve(models);
  }
  load(name: string): Promise<void> {
    this.models = this.models.map((known) => (known.reference.name === name ? model(name, 'loaded') : known));
    return Promise.resolve();
  }
  unload(): Promise<void> {
    return Promise.resolve();
  }
  remove(name: string): Promise<void> {
    this.models = this.models.filter((known) => known.reference.name !== name);
    return Promise.resolve();
  }
  async *chat(): AsyncGenerator<never> {}
  released(): Promise<null> {
    return Promise.resolve(null);
  }

  readonly pulls: {
    push: (progress: PullProgress) => void;
    end: () => void;
    fail: (error: LmError) => void;
    closed: boolean;
  }[] = [];
  async *pull(
    _name: string,
    _insecure: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<PullProgress, void, undefined> {
    const queue: (PullProgress | LmError | 'end')[] = [];
    let wake: (() => void) | null = null;
    const add = (item: PullProgress | LmError | 'end') => {
      queue.push(item);
      wake?.();
    };
    const control = { push: add, fail: add, end: () => add('end'), closed: false };
    this.pulls.push(control);
    signal.addEventListener('abort', () => wake?.());
    try {
      for (;;) {
        if (signal.aborted) throw new LmError('cancelled', 'Cancelled.');
        const item = queue.shift();
        if (item === 'end') return;
        if (item instanceof LmError) throw item;
        if (item) yield item;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      control.closed = true;
    }
  }
}

class FakeUpload implements ModelUpload {
  readonly pieces: Uint8Array[] = [];
  finished = false;
  aborted = false;
  failWith: LmError | null = null;
  write(bytes: Uint8Array): Promise<void> {
    if (this.failWith) return Promise.reject(this.failWith);
    this.pieces.push(bytes);
    return Promise.resolve();
  }
  finish(): Promise<void> {
    this.finished = true;
    return Promise.resolve();
  }
  abort(): Promise<void> {
    this.aborted = true;
    return Promise.resolve();
  }
}

let clock: ManualClock;
let containers: FakeRunningContainer;
let ollama: FakeOllama;
let uploads: FakeUpload[];
let models: ModelsService;
let seen: ModelList[];

beforeEach(() => {
  clock = new ManualClock();
  containers = new FakeRunningContainer();
  containers.start('c', 'run-1', 'none');
  ollama = new FakeOllama();
  uploads = [];
  let count = 0;
  models = new ModelsService({
    backends: [ollama],
    place: () => 'container',
    puller: ollama,
    importer: {
      open: () => {
        const upload = new FakeUpload();
        uploads.push(upload);
        return upload;
      },
    },
    containers,
    clock,
    logger: silentLogger,
    newId: () => `job-${(count += 1)}`,
  });
  seen = [];
  models.onChanged.on((list) => seen.push(list));
});

const names = (list: ModelList | undefined) => list?.models.map((entry) => entry.reference.name);
const job = (id: string) => models.listJobs().jobs.find((entry) => entry.id === id);
const gguf = (size: number, version = 3): Uint8Array => {
  const bytes = new Uint8Array(size);
  bytes.set(new TextEncoder().encode('GGUF'));
  new DataView(bytes.buffer).setUint32(4, version, true);
  return bytes;
};

describe('the list of models', () => {
  it('is told only when something in it changed, with a new revision', async () => {
    const first = await models.list();
    await models.list();
    ollama.models = [model('c')];
    const third = await models.list();
    expect([names(first), names(third), seen.map((list) => list.revision)]).toEqual([
      ['a', 'b'],
      ['c'],
      [1, 2],
    ]);
  });

  it('never tells after an action what a question from before it saw', async () => {
    let release = () => {};
    ollama.held = new Promise((resolve) => (release = resolve));
    const before = models.list();
    await models.load({ runtime: 'ollama', name: 'a' });
    const asked = models.list();
    release();
    const after = await asked;
    expect((await before).models[0]?.load.state).toBe('unloaded');
    expect(after.models[0]?.load.state).toBe('loaded');
  });

  it('asks once for calls at the same time', async () => {
    await Promise.all([models.list(), models.list(), models.list()]);
    expect(ollama.lists).toBe(1);
  });

  it('says why a runtime has no models: it fails, it hangs, or the sandbox does not run', async () => {
    ollama.failWith = new LmError('model_server_unavailable', 'Ollama is not ready.');
    const failing = await models.list();
    ollama.failWith = null;
    ollama.hang = true;
    const asking = models.list();
    clock.advance(10_000);
    const hanging = await asking;
    containers.stop();
    const stopped = await models.list();
    expect([failing, hanging, stopped].map((list) => list.runtimes[0]?.error?.code)).toEqual([
      'model_server_unavailable',
      'timeout',
      'container_not_running',
    ]);
  });

  it('follows a load to its end and polls no longer than something goes on', async () => {
    await models.list();
    await models.load({ runtime: 'ollama', name: 'a' });
    await vi.waitFor(() => expect(seen.at(-1)?.models[0]?.load.state).toBe('loaded'));
    clock.advance(2_000);
    const asked = ollama.lists;
    await models.list();
    clock.advance(60_000);
    expect(ollama.lists).toBe(asked + 1);
  });
});

describe('a pull', () => {
  it('adds up its layers, tells its speed, and ends with the model in the list', async () => {
    const { id } = models.pull('registry/x', true);
    await vi.waitFor(() => expect(ollama.pulls).toHaveLength(1));
    const step = async (layer: string, completedBytes: number, totalBytes: number) => {
      clock.advance(1_000);
      ollama.pulls[0]?.push({ phase: `pulling ${layer}`, layer, completedBytes, totalBytes });
      await vi.waitFor(() => expect(job(id)?.phase).toBe(`pulling ${layer}`));
    };
    await step('a', 0, 1_000);
    await step('b', 0, 500);
    await step('a', 600, 1_000);
    await vi.waitFor(() =>
      expect(job(id)).toMatchObject({
        completedBytes: 600,
        totalBytes: 1_500,
        bytesPerSecond: 300,
        insecure: true,
      }),
    );
    ollama.models = [model('registry/x')];
    ollama.pulls[0]?.end();
    await vi.waitFor(() => expect(names(seen.at(-1))).toEqual(['registry/x']));
    expect(job(id)).toMatchObject({ status: 'succeeded', error: null });
  });

  it('of the same name joins the one that runs', () => {
    expect(models.pull('x', false).id).toBe(models.pull('x', false).id);
  });

  it('is ended by cancel, which closes its connection', async () => {
    const { id } = models.pull('x', false);
    await models.cancelJob(id);
    expect([job(id)?.status, job(id)?.error, ollama.pulls[0]?.closed]).toEqual(['cancelled', null, true]);
  });

  it('fails with the cause when the sandbox stops, and can be tried again', async () => {
    const { id } = models.pull('x', false);
    containers.stop();
    await vi.waitFor(() => expect(job(id)?.status).toBe('failed'));
    expect(job(id)?.error).toMatchObject({ code: 'container_not_running', retryable: true });
  });

  it('keeps the error of the runtime', async () => {
    const { id } = models.pull('x', false);
    await vi.waitFor(() => expect(ollama.pulls).toHaveLength(1));
    ollama.pulls[0]?.fail(new LmError('disk_full', 'The disk is full.'));
    await vi.waitFor(() => expect(job(id)).toMatchObject({ status: 'failed', error: { code: 'disk_full' } }));
    models.clearJobs();
    expect(models.listJobs().jobs).toEqual([]);
  });
});

describe('an import', () => {
  it('hands the pieces on in order and ends when the file is in its place', async () => {
    const { id } = models.importBegin('m.gguf', 40);
    await models.importChunk(id, 0, gguf(30));
    await models.importChunk(id, 30, new Uint8Array(10));
    await expect(models.importFinish(id)).resolves.toMatchObject({ status: 'succeeded', completedBytes: 40 });
    expect([uploads[0]?.pieces.map((piece) => piece.byteLength), uploads[0]?.finished]).toEqual([
      [30, 10],
      true,
    ]);
  });

  it.each([
    ['is no GGUF', new Uint8Array(100)],
    ['has an unknown version', gguf(100, 77)],
    ['is empty', new Uint8Array(0)],
  ])('refuses a file that %s and leaves nothing behind', async (_name, bytes) => {
    const { id } = models.importBegin('m.gguf', 100);
    await expect(models.importChunk(id, 0, bytes)).rejects.toMatchObject({ code: 'model_invalid' });
    expect([job(id)?.status, uploads[0]?.aborted, uploads[0]?.pieces]).toEqual(['failed', true, []]);
  });

  it('refuses a piece out of order without losing the import', async () => {
    const { id } = models.importBegin('m.gguf', 60);
    await models.importChunk(id, 0, gguf(30));
    await expect(models.importChunk(id, 10, new Uint8Array(10))).rejects.toMatchObject({ code: 'conflict' });
    await models.importChunk(id, 30, new Uint8Array(30));
    await expect(models.importFinish(id)).resolves.toMatchObject({ status: 'succeeded' });
  });

  it('fails when the file ended early, when the disk is full, and when the page went away', async () => {
    const short = models.importBegin('a.gguf', 60).id;
    await models.importChunk(short, 0, gguf(30));
    await expect(models.importFinish(short)).rejects.toMatchObject({ code: 'model_invalid' });

    const full = models.importBegin('b.gguf', 60).id;
    const upload = uploads[1];
    if (upload) upload.failWith = new LmError('disk_full', 'The disk is full.');
    await expect(models.importChunk(full, 0, gguf(30))).rejects.toMatchObject({ code: 'disk_full' });

    const silent = models.importBegin('c.gguf', 60).id;
    await models.importChunk(silent, 0, gguf(30));
    clock.advance(60_000);
    expect([short, full, silent].map((id) => job(id)?.error?.code)).toEqual([
      'model_invalid',
      'disk_full',
      'disconnected',
    ]);
    expect(uploads.map((entry) => entry.aborted)).toEqual([true, true, true]);
  });

  it('is ended by cancel; a piece that still comes is told so', async () => {
    const { id } = models.importBegin('m.gguf', 60);
    await models.cancelJob(id);
    await expect(models.importChunk(id, 0, gguf(30))).rejects.toMatchObject({ code: 'cancelled' });
    expect(uploads[0]?.aborted).toBe(true);
  });
});

it('ends its jobs and leaves no timer when the host ends', async () => {
  const pull = models.pull('x', false).id;
  models.importBegin('m.gguf', 60);
  await models.list();
  await models.dispose();
  expect([job(pull)?.status, uploads[0]?.aborted, clock.waiting]).toEqual(['failed', true, 0]);
});
