import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LmError, type BuildChunk, type BuildState, type StreamSink } from '../../../contract';
import { silentLogger, systemClock } from '../../foundation';
import {
  FakeContainerEngine,
  FakeEngineFinder,
  FakeSettings,
  inspection,
  reachable,
  sandboxImage,
  unreachable,
  type FakeBuild,
} from '../container-engine.fakes';
import { EngineService } from '../engine';
import { imageRevisionLabel } from '../labels';
import { ImageService } from './image-service';

let engine: FakeContainerEngine;
let engines: EngineService;
let images: ImageService;
let states: BuildState[];
let openError: LmError | null;

const tick = () => vi.advanceTimersByTimeAsync(0);
const lastBuild = (): FakeBuild => {
  const build = engine.builds.at(-1);
  if (!build) throw new Error('No build was begun.');
  return build;
};

beforeEach(async () => {
  vi.useFakeTimers();
  engine = new FakeContainerEngine();
  openError = null;
  const finder = new FakeEngineFinder();
  finder.candidates = [reachable(engine)];
  engines = new EngineService({
    finder,
    settings: new FakeSettings(),
    clock: systemClock,
    logger: silentLogger,
  });
  images = new ImageService({
    engines,
    settings: new FakeSettings({ imageName: 'my-image' }),
    context: {
      revision: async () => 'abc123',
      open: async () => {
        if (openError) throw openError;
        return { stream: Readable.from(['tar']), certificates: ['proxy.crt'] };
      },
    },
    buildArguments: { BASE_IMAGE: 'other' },
    appVersion: '1.2.3',
    clock: systemClock,
    logger: silentLogger,
  });
  states = [];
  images.onBuildChanged.on((state) => states.push(state));
  engines.start();
  await tick();
});
afterEach(async () => {
  await images.dispose();
  engines.dispose();
  await tick();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** A page's end of the log stream, which a test makes slow. */
function openSink(): {
  chunks: BuildChunk[];
  sink: StreamSink<BuildChunk>;
  close(): void;
  setWritable(value: boolean): void;
} {
  const controller = new AbortController();
  const chunks: BuildChunk[] = [];
  let writable = true;
  let onWritable: () => void = () => undefined;
  return {
    chunks,
    sink: {
      send: (chunk) => chunks.push(chunk),
      get writable() {
        return writable;
      },
      pendingBytes: 0,
      onWritable: (listener) => (onWritable = listener),
      signal: controller.signal,
      end: () => undefined,
      fail: () => undefined,
    },
    close: () => controller.abort(),
    setWritable: (value) => {
      writable = value;
      if (value) onWritable();
    },
  };
}

describe('an image that a build has replaced', () => {
  const ours = { [imageRevisionLabel]: 'abc' };
  const earlier = { ...sandboxImage, id: 'sha256:earlier', labels: ours, references: ['my-image:latest'] };
  const build = async () => {
    images.build({ withoutCache: false });
    await tick();
    const before = engine.images.get('my-image');
    if (before) engine.images.set('<none>', { ...before, references: [] });
    engine.images.set('my-image', { ...earlier, id: 'sha256:new' });
    lastBuild().succeed();
    await tick();
    expect(images.buildState()?.status).toBe('succeeded');
  };

  it('is removed with the end of the build', async () => {
    engine.images.set('my-image', earlier);
    await build();
    expect(engine.images.has('<none>')).toBe(false);
    expect(engine.images.get('my-image')?.id).toBe('sha256:new');
  });

  it('stays while a container uses it, and goes when that was removed', async () => {
    engine.images.set('my-image', earlier);
    engine.containers.set('lm_container', inspection({ imageId: earlier.id }));
    await build();
    expect(engine.images.has('<none>')).toBe(true);
    engine.containers.clear();
    await images.removeReplaced(earlier.id);
    expect(engine.images.has('<none>')).toBe(false);
  });

  it('is not removed under a running build, but after it', async () => {
    engine.images.set('<none>', { ...earlier, references: [] });
    images.build({ withoutCache: false });
    await tick();
    void images.removeReplaced(earlier.id);
    await tick();
    expect(engine.images.has('<none>')).toBe(true);
    lastBuild().succeed();
    await tick();
    expect(engine.images.has('<none>')).toBe(false);
  });

  it.each([
    ['that this app did not make', { labels: {} }],
    ['that has another name', { references: ['kept:1'] }],
  ])('stays where it is one %s', async (_which, change) => {
    engine.images.set('<none>', { ...earlier, references: [], ...change });
    await images.removeReplaced(earlier.id);
    expect(engine.images.has('<none>')).toBe(true);
  });

  it('spoils no build when it cannot be removed', async () => {
    engine.images.set('my-image', earlier);
    engine.failNext('removeUnusedImage', new LmError('engine_failed', 'x'));
    await build();
    expect(engine.images.has('<none>')).toBe(true);
  });
});

describe('building', () => {
  it('sends the folder, the arguments, the revision and the stage to the engine', async () => {
    expect(images.buildState()).toBeNull();
    const first = images.build({ withoutCache: true });
    expect(first).toMatchObject({ status: 'running', reference: 'my-image', steps: [], error: null });
    await tick();
    expect(lastBuild().request).toMatchObject({
      dockerfile: 'image/Dockerfile',
      target: 'runtime',
      reference: 'my-image',
      withoutCache: true,
      buildArguments: { BASE_IMAGE: 'other', IMAGE_VERSION: '1.2.3', IMAGE_REVISION: 'abc123' },
    });
    lastBuild().succeed();
    await tick();
    expect(images.buildState()).toMatchObject({
      id: first.id,
      status: 'succeeded',
      finishedAtMs: Date.now(),
    });
  });

  it('keeps the steps, with times, cache hits and fetched bytes', async () => {
    images.build({ withoutCache: false });
    await tick();
    const { onEvent, succeed } = lastBuild();
    onEvent({ kind: 'step', index: 1, total: 3, name: 'FROM base' });
    onEvent({ kind: 'layer', id: 'a', completedBytes: 10, totalBytes: 100 });
    onEvent({ kind: 'layer', id: 'b', completedBytes: 5, totalBytes: 50 });
    onEvent({ kind: 'layer', id: 'a', completedBytes: 60, totalBytes: 100 });
    await vi.advanceTimersByTimeAsync(250);
    expect(images.buildState()?.steps).toMatchObject([
      { completedBytes: 65, totalBytes: 150, status: 'running' },
    ]);
    onEvent({ kind: 'step', index: 2, total: 3, name: 'RUN a' });
    onEvent({ kind: 'cached' });
    onEvent({ kind: 'step', index: 3, total: 3, name: 'RUN b' });
    succeed();
    await tick();
    expect(images.buildState()?.steps.map((step) => step.status)).toEqual(['done', 'cached', 'done']);
    expect(images.buildState()?.steps[1]?.completedBytes).toBeNull();
  });

  it('publishes bytes four times a second at most, and steps at once', async () => {
    images.build({ withoutCache: false });
    await tick();
    const { onEvent } = lastBuild();
    onEvent({ kind: 'step', index: 1, total: 1, name: 'FROM base' });
    const before = states.length;
    for (let i = 0; i < 1_000; i += 1) {
      onEvent({ kind: 'layer', id: 'a', completedBytes: i, totalBytes: 1_000 });
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(states.length - before).toBeLessThanOrEqual(4);
    expect(states.map((state) => state.revision)).toEqual(states.map((_, index) => index + 1));
  });

  it('is done once at a time', async () => {
    images.build({ withoutCache: false });
    expect(() => images.build({ withoutCache: false })).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
    await tick();
    lastBuild().succeed();
    await tick();
    expect(images.build({ withoutCache: false }).status).toBe('running');
  });

  it('that fails keeps the cause, and marks the step', async () => {
    images.build({ withoutCache: false });
    await tick();
    lastBuild().onEvent({ kind: 'step', index: 1, total: 1, name: 'RUN x' });
    const failure = new LmError('disk_full', 'full');
    lastBuild().fail(failure);
    await tick();
    expect(images.buildState()).toMatchObject({
      status: 'failed',
      error: failure.data,
      steps: [{ status: 'failed' }],
    });
  });

  it('whose certificates cannot be read fails with that, before the engine is asked', async () => {
    openError = new LmError('not_found', 'no folder');
    images.build({ withoutCache: false });
    await tick();
    expect(images.buildState()).toMatchObject({ status: 'failed', error: { code: 'not_found' } });
    expect(engine.builds).toEqual([]);
  });

  it('that is cancelled ends as cancelled, and cancelling twice or without a build is nothing', async () => {
    await images.cancelBuild();
    images.build({ withoutCache: false });
    await tick();
    lastBuild().onEvent({ kind: 'step', index: 1, total: 1, name: 'RUN x' });
    await images.cancelBuild();
    await images.cancelBuild();
    expect(images.buildState()).toMatchObject({
      status: 'cancelled',
      error: null,
      steps: [{ status: 'cancelled' }],
    });
  });

  it('needs an engine', async () => {
    engines.dispose();
    const finder = new FakeEngineFinder();
    finder.candidates = [unreachable(new LmError('engine_not_running', 'gone'))];
    expect(() => images.build({ withoutCache: false })).toThrow(LmError);
  });
});

describe('the log', () => {
  it('begins with what was kept and goes on with each line', async () => {
    images.build({ withoutCache: false });
    await tick();
    lastBuild().onEvent({ kind: 'log', text: 'one' });
    const page = openSink();
    images.attachLog(page.sink);
    lastBuild().onEvent({ kind: 'log', text: 'two' });
    expect(page.chunks).toEqual([
      { kind: 'snapshot', build: images.buildState(), logLines: ['Extra certificates: proxy.crt', 'one'] },
      { kind: 'log', lines: ['two'] },
    ]);
    page.close();
    lastBuild().onEvent({ kind: 'log', text: 'three' });
    expect(page.chunks).toHaveLength(2);
  });

  it('waits for a slow page and then gives it all that it missed', async () => {
    images.build({ withoutCache: false });
    await tick();
    const page = openSink();
    images.attachLog(page.sink);
    page.setWritable(false);
    for (let i = 0; i < 1_200; i += 1) lastBuild().onEvent({ kind: 'log', text: `line ${i}` });
    expect(page.chunks).toHaveLength(1);
    page.setWritable(true);
    const lines = page.chunks.slice(1).flatMap((chunk) => (chunk.kind === 'log' ? chunk.lines : []));
    expect(lines).toEqual(Array.from({ length: 1_200 }, (_, i) => `line ${i}`));
    expect(page.chunks).toHaveLength(4);
  });

  it('starts anew for a page that lost lines, and for the next build', async () => {
    images.build({ withoutCache: false });
    await tick();
    const page = openSink();
    images.attachLog(page.sink);
    page.setWritable(false);
    for (let i = 0; i < 25_000; i += 1) lastBuild().onEvent({ kind: 'log', text: `line ${i}` });
    page.setWritable(true);
    const again = page.chunks[1];
    expect(again).toMatchObject({ kind: 'snapshot' });
    if (again?.kind === 'snapshot') {
      expect(again.logLines.length).toBeLessThanOrEqual(20_000);
      expect(again.logLines.at(-1)).toBe('line 24999');
    }
    lastBuild().succeed();
    await tick();
    images.build({ withoutCache: false });
    await tick();
    lastBuild().onEvent({ kind: 'log', text: 'new' });
    expect(page.chunks.at(-1)).toEqual({ kind: 'log', lines: ['Extra certificates: proxy.crt', 'new'] });
    expect(page.chunks.filter((chunk) => chunk.kind === 'snapshot')).toHaveLength(3);
  });
});
