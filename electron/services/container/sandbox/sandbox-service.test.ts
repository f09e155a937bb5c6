import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LmError, type SandboxStatus, type Settings } from '../../../contract';
import { silentLogger, systemClock } from '../../foundation';
import {
  FakeContainerEngine,
  FakeEngineFinder,
  FakeSettings,
  information,
  inspection,
  reachable,
  sandboxImage,
  unreachable,
} from '../container-engine.fakes';
import { EngineService } from '../engine';
import type { GatewayHealth, GatewayHealthReport } from '../ports';
import type { RunningContainer } from '../running-container';
import { SandboxService } from './sandbox-service';

let engine: FakeContainerEngine;
let finder: FakeEngineFinder;
let settings: FakeSettings;
let engines: EngineService;
let sandbox: SandboxService;
let adopted: string | null;
let gateway: { answer: GatewayHealthReport | LmError; readonly asked: { url: string; token: string }[] };
let statuses: SandboxStatus[];
let released: string[];
let runs: (RunningContainer | null)[];

// vitest gives its matchers as `any`.
const containing = (text: string): unknown => expect.stringContaining(text);
const tick = () => vi.advanceTimersByTimeAsync(0);
const ready: GatewayHealthReport = {
  ok: true,
  parts: [{ name: 'gateway', state: 'ready', restarts: 0, lastError: null }],
};

function open(changes: Partial<Settings> = {}): void {
  settings = new FakeSettings(changes);
  engines = new EngineService({ finder, settings, clock: systemClock, logger: silentLogger });
  const gatewayHealth: GatewayHealth = {
    read: async ({ url, token }) => {
      gateway.asked.push({ url, token });
      if (gateway.answer instanceof LmError) throw gateway.answer;
      return gateway.answer;
    },
  };
  sandbox = new SandboxService({
    engines,
    settings,
    gatewayHealth,
    adoption: {
      read: async () => adopted,
      write: async (id) => {
        adopted = id;
      },
    },
    imageRevision: async () => 'revision-now',
    onImageReleased: (imageId) => released.push(imageId),
    clock: systemClock,
    logger: silentLogger,
  });
  statuses = [];
  released = [];
  runs = [];
  sandbox.onStatusChanged.on((status) => statuses.push(status));
  sandbox.onChanged((running) => runs.push(running));
  engines.start();
}

beforeEach(async () => {
  vi.useFakeTimers();
  engine = new FakeContainerEngine();
  finder = new FakeEngineFinder();
  finder.candidates = [reachable(engine)];
  adopted = null;
  gateway = { answer: new LmError('gateway_unreachable', 'silent'), asked: [] };
  open();
  await tick();
});
afterEach(async () => {
  sandbox.dispose();
  engines.dispose();
  await tick();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('creating the sandbox', () => {
  it('makes it from the settings, starts it, and follows its gateway until it is healthy', async () => {
    const status = await sandbox.create('all');
    expect(status).toMatchObject({
      phase: 'starting',
      operation: null,
      error: null,
      container: {
        id: 'made-1',
        managed: true,
        outdated: [],
        gpu: { choice: 'all', mechanism: 'gpus-flag' },
      },
    });
    const running = sandbox.require();
    expect(running).toMatchObject({
      containerId: 'made-1',
      gatewayUrl: 'http://127.0.0.1:8000',
      gpuChoice: 'all',
    });
    expect(running.gatewayToken).toMatch(/^[\w-]{43}$/);
    expect(statuses.map((seen) => [seen.phase, seen.operation])).toContainEqual(['absent', 'create']);

    gateway.answer = ready;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sandbox.status()).toMatchObject({ phase: 'healthy', parts: ready.parts });
    expect(gateway.asked.at(-1)).toMatchObject({ url: running.gatewayUrl, token: running.gatewayToken });
  });

  it('is refused without an image, for an image of root, and where the name is taken', async () => {
    engine.images.delete('lm-docker');
    await expect(sandbox.create('none')).rejects.toMatchObject({ code: 'image_missing' });
    for (const user of ['', 'root', '0', '0:0', 'root:root', '00']) {
      engine.images.set('lm-docker', { ...sandboxImage, user });
      await expect(sandbox.create('none')).rejects.toMatchObject({ code: 'container_failed' });
    }
    engine.images.set('lm-docker', sandboxImage);
    engine.containers.set('lm_container', inspection({ labels: {} }));
    await expect(sandbox.create('none')).rejects.toMatchObject({ code: 'name_in_use' });
    expect(engine.created).toEqual([]);
  });

  it('that fails at the GPU is undone, told with its repair, and never becomes a CPU one by itself', async () => {
    const failure = new LmError('gpu_toolkit_missing', 'no toolkit', { repair: { text: 'Install it.' } });
    engine.failNext('startContainer', failure);
    await expect(sandbox.create('all')).rejects.toBe(failure);
    expect(engine.containers.size).toBe(0);
    expect(sandbox.status()).toMatchObject({ phase: 'absent', error: failure.data });
    expect(engine.created).toHaveLength(1);
    expect((await sandbox.create('none')).error).toBeNull();
    expect(engine.created[1]?.options.HostConfig.DeviceRequests).toEqual([]);
  });

  it('with a GPU is refused at once by an engine that would ignore the request', async () => {
    engine.information = information({ product: 'podman', version: '4.9.3', cdiDevices: null });
    await engines.search();
    await expect(sandbox.create('all')).rejects.toMatchObject({ code: 'gpu_unavailable' });
    expect(engine.created).toEqual([]);
  });

  it.each([
    [
      ['other', 'lm_container'],
      'Port 8000 on this computer is already used by the container "other".',
      'docker stop other',
    ],
    [[], 'Port 8000 on this computer is already used by another program.', 'sudo ss -ltnp "sport = :8000"'],
  ])('where the port is taken by %j says by whom', async (publishing, message, command) => {
    engine.publishing = publishing;
    engine.failNext('startContainer', new LmError('port_in_use', 'x'));
    await expect(sandbox.create('none')).rejects.toMatchObject({ message, data: { repair: { command } } });
    expect(engine.containers.size).toBe(0);
  });

  it('reports why it failed even when the half-made container cannot be removed', async () => {
    engine.failNext('startContainer', new LmError('gpu_driver_missing', 'x'));
    engine.failNext('removeContainer', new LmError('engine_connection_lost', 'y'));
    await expect(sandbox.create('all')).rejects.toMatchObject({ code: 'gpu_driver_missing' });
  });
});

describe('a sandbox that is there when the app starts', () => {
  it('is never called absent before the engine was looked at', async () => {
    gateway.answer = ready;
    await sandbox.create('none');
    sandbox.dispose();
    engines.dispose();
    open();
    await tick();
    expect(statuses.map(({ phase }) => phase)).not.toContain('absent');
    expect(sandbox.status().container?.name).toBe('lm_container');
  });
});

describe('operations', () => {
  it('go one at a time, and the busy one is visible', async () => {
    const release = engine.hold('startContainer');
    const creating = sandbox.create('none');
    await tick();
    expect(sandbox.status().operation).toBe('create');
    await expect(sandbox.stop()).rejects.toMatchObject({ code: 'conflict', data: { retryable: true } });
    await expect(sandbox.create('none')).rejects.toMatchObject({ code: 'conflict' });
    release();
    await creating;
    expect(sandbox.status()).toMatchObject({ operation: null, error: null });
  });

  it('need an engine', async () => {
    finder.candidates = [unreachable(new LmError('engine_permission_denied', 'no'))];
    engine.endEvents();
    await vi.advanceTimersByTimeAsync(1_500);
    await expect(sandbox.start()).rejects.toMatchObject({ code: 'engine_permission_denied' });
    expect(sandbox.status()).toMatchObject({
      phase: 'unknown',
      container: null,
      operation: null,
      error: null,
    });
  });

  it('need a container', async () => {
    for (const operate of [() => sandbox.start(), () => sandbox.stop(), () => sandbox.adopt()]) {
      await expect(operate()).rejects.toMatchObject({ code: 'container_missing' });
    }
    await expect(sandbox.remove(false)).rejects.toMatchObject({ code: 'container_missing' });
    expect(() => sandbox.require()).toThrow(expect.objectContaining({ code: 'container_missing' }));
  });

  it('leave a foreign container alone', async () => {
    const theirs = inspection({ id: 'theirs', labels: {} });
    engine.containers.set('lm_container', theirs);
    for (const operate of [
      () => sandbox.start(),
      () => sandbox.stop(),
      () => sandbox.restart(),
      () => sandbox.recreate('none'),
      () => sandbox.remove(true),
    ]) {
      await expect(operate()).rejects.toMatchObject({ code: 'name_in_use' });
    }
    expect(engine.containers.get('lm_container')).toBe(theirs);
    expect(engine.removedVolumes).toEqual([]);
    expect(sandbox.status().phase).toBe('foreign');
  });

  it('that stop a container which had to be killed do not call that a lack of memory', async () => {
    await sandbox.create('none');
    expect(await sandbox.stop()).toMatchObject({
      phase: 'stopped',
      error: null,
      container: { exitCode: 137 },
    });
    expect(runs.at(-1)).toBeNull();
    expect(() => sandbox.require()).toThrow(expect.objectContaining({ code: 'container_not_running' }));
  });

  it('remove volumes only when asked to', async () => {
    await sandbox.create('none');
    await sandbox.remove(false);
    expect(engine.removedVolumes).toEqual([]);
    expect(released).toEqual(['sha256:image']);
    await sandbox.create('none');
    await sandbox.remove(true);
    expect(engine.removedVolumes).toEqual(['lm_workspace', 'lm_models']);
    await sandbox.remove(true);
    expect(engine.removedVolumes).toHaveLength(4);
  });

  it('that restart give the container a new run', async () => {
    await sandbox.create('none');
    const before = sandbox.require();
    await sandbox.restart();
    expect(sandbox.require().runId).not.toBe(before.runId);
    expect(runs.map((run) => run?.runId)).toEqual([before.runId, sandbox.require().runId]);
  });

  it('clear the standing error when they succeed', async () => {
    engine.failNext('startContainer', new LmError('disk_full', 'full'));
    await expect(sandbox.create('none')).rejects.toMatchObject({ code: 'disk_full' });
    expect(sandbox.status().error?.code).toBe('disk_full');
    expect((await sandbox.create('none')).error).toBeNull();
  });

  it('remove a container that never ran and cannot be started, and keep one that ran', async () => {
    engine.containers.set('lm_container', inspection({ state: 'created', startedAtMs: null }));
    engine.failNext('startContainer', new LmError('gpu_driver_missing', 'x'));
    await expect(sandbox.start()).rejects.toMatchObject({ code: 'gpu_driver_missing' });
    expect(engine.containers.size).toBe(0);
    engine.containers.set('lm_container', inspection({ state: 'exited' }));
    engine.failNext('startContainer', new LmError('gpu_driver_missing', 'x'));
    await expect(sandbox.start()).rejects.toMatchObject({ code: 'gpu_driver_missing' });
    expect(engine.containers.size).toBe(1);
  });
});

describe('recreating', () => {
  it('replaces the container and leaves no other', async () => {
    await sandbox.create('all');
    settings.change({ pidsLimit: 100 });
    await tick();
    expect(sandbox.status().container?.outdated).toEqual(['The limit of processes changed.']);
    const status = await sandbox.recreate('none');
    expect(status).toMatchObject({
      container: { id: 'made-2', outdated: [], pidsLimit: 100, gpu: { choice: 'none' } },
    });
    expect([...engine.containers.keys()]).toEqual(['lm_container']);
    expect(released).toEqual(['sha256:image']);
  });

  it('brings the old one back, running, when the new one fails', async () => {
    await sandbox.create('none');
    engine.failNext('startContainer', new LmError('gpu_toolkit_missing', 'x'));
    await expect(sandbox.recreate('all')).rejects.toMatchObject({ code: 'gpu_toolkit_missing' });
    expect(sandbox.status()).toMatchObject({
      phase: 'starting',
      container: { id: 'made-1', name: 'lm_container' },
      error: { code: 'gpu_toolkit_missing' },
    });
    expect([...engine.containers.keys()]).toEqual(['lm_container']);
  });

  it('touches nothing when it is known to fail before', async () => {
    await sandbox.create('none');
    const before = sandbox.require();
    engine.images.delete('lm-docker');
    await expect(sandbox.recreate('none')).rejects.toMatchObject({ code: 'image_missing' });
    expect(sandbox.require()).toEqual(before);
  });

  it('creates where there is nothing to replace', async () => {
    expect((await sandbox.recreate('none')).phase).toBe('starting');
  });
});

describe('the setting of GPU or CPU', () => {
  it('follows what a container was made with', async () => {
    expect(settings.current().gpu).toBe('all');
    await sandbox.create('none');
    expect(settings.current().gpu).toBe('none');
    await sandbox.recreate('all');
    expect(settings.current().gpu).toBe('all');
    await sandbox.remove(false);
    await sandbox.recreate('none');
    expect(settings.current().gpu).toBe('none');
  });

  it('stays as it is when none could be made', async () => {
    engine.failNext('startContainer', new LmError('gpu_toolkit_missing', 'x'));
    await expect(sandbox.create('none')).rejects.toMatchObject({ code: 'gpu_toolkit_missing' });
    expect(settings.current().gpu).toBe('all');
    await sandbox.create('none');
    engine.failNext('startContainer', new LmError('gpu_toolkit_missing', 'x'));
    await expect(sandbox.recreate('all')).rejects.toMatchObject({ code: 'gpu_toolkit_missing' });
    expect(settings.current().gpu).toBe('none');
  });

  it('tells that it could not be kept, with a sandbox that runs', async () => {
    settings.failNext = new LmError('storage_failed', 'The settings could not be saved.');
    await expect(sandbox.create('none')).rejects.toMatchObject({ code: 'storage_failed' });
    expect(sandbox.status()).toMatchObject({ phase: 'starting', error: { code: 'storage_failed' } });
  });
});

describe('a recreate that the app did not live to end', () => {
  const aside = 'lm_container-replaced-made-1';
  const openAgain = async () => {
    sandbox.dispose();
    engines.dispose();
    open();
    await tick();
  };

  beforeEach(() => sandbox.create('none'));

  it('gets the earlier container back where there is no new one, and says so', async () => {
    engine.change('lm_container', { state: 'exited', exitCode: 137 });
    await engine.renameContainer('made-1', aside);
    await openAgain();
    expect(sandbox.status()).toMatchObject({
      phase: 'stopped',
      container: { id: 'made-1', name: 'lm_container' },
      error: { code: 'container_failed', message: containing('the earlier one was put back') },
    });
    expect(await sandbox.start()).toMatchObject({ phase: 'starting', error: null });
  });

  it('loses the earlier container once the new one has run', async () => {
    await engine.renameContainer('made-1', aside);
    engine.containers.set('lm_container', inspection({ id: 'made-2' }));
    await openAgain();
    expect([...engine.containers.keys()]).toEqual(['lm_container']);
    expect(sandbox.status()).toMatchObject({ container: { id: 'made-2' }, error: null });
  });

  it('keeps both while the new one was not started, until it is', async () => {
    const release = engine.hold('startContainer');
    void sandbox.recreate('none').catch(() => undefined);
    await tick();
    await openAgain();
    expect([...engine.containers.keys()].sort()).toEqual(['lm_container', aside]);
    // The engine ends what the app that died had asked for.
    release();
    await tick();
    engine.emit({ id: 'made-2', action: 'start' });
    await tick();
    expect([...engine.containers.keys()]).toEqual(['lm_container']);
    expect(sandbox.status()).toMatchObject({ phase: 'starting', container: { id: 'made-2' } });
  });

  it('gets the earlier container back when the new one cannot be started', async () => {
    await engine.renameContainer('made-1', aside);
    engine.containers.set('lm_container', inspection({ id: 'made-2', state: 'created', startedAtMs: null }));
    await openAgain();
    engine.failNext('startContainer', new LmError('gpu_toolkit_missing', 'x'));
    await expect(sandbox.start()).rejects.toMatchObject({ code: 'gpu_toolkit_missing' });
    expect(sandbox.status()).toMatchObject({
      container: { id: 'made-1', name: 'lm_container' },
      error: { code: 'gpu_toolkit_missing' },
    });
  });

  it('leaves what others called so, and what they put in its place', async () => {
    await engine.renameContainer('made-1', aside);
    engine.containers.set('lm_container', inspection({ id: 'theirs', labels: {} }));
    const similar = 'lm_container-replaced-by-hand';
    engine.containers.set(similar, inspection({ id: 'similar', name: similar }));
    await openAgain();
    expect([...engine.containers.keys()].sort()).toEqual(['lm_container', similar, aside]);
  });

  it('is tried again at the next look when it could not be dealt with', async () => {
    await engine.renameContainer('made-1', aside);
    engine.failNext('renameContainer', new LmError('engine_failed', 'x'));
    await openAgain();
    expect(sandbox.status().phase).toBe('absent');
    await sandbox.refresh();
    expect(sandbox.status().container).toMatchObject({ id: 'made-1', name: 'lm_container' });
  });

  it('is removed as a whole with the sandbox', async () => {
    await engine.renameContainer('made-1', aside);
    engine.containers.set('lm_container', inspection({ id: 'made-2', state: 'created', startedAtMs: null }));
    await openAgain();
    await sandbox.remove(true);
    expect(engine.containers.size).toBe(0);
    expect(sandbox.status()).toMatchObject({ phase: 'absent', error: null });
  });
});

describe('adopting', () => {
  it('takes a container that can serve, remembers it, and forgets it when it is removed', async () => {
    engine.containers.set('lm_container', inspection({ id: 'theirs', labels: {} }));
    expect(await sandbox.adopt()).toMatchObject({
      phase: 'starting',
      container: { managed: true, outdated: [] },
    });
    expect(adopted).toBe('theirs');
    expect(sandbox.require().gatewayToken).toBe('token');
    sandbox.dispose();
    engines.dispose();
    open();
    await tick();
    expect(sandbox.status().phase).toBe('starting');
    await sandbox.remove(false);
    expect(adopted).toBeNull();
  });

  it.each([
    [{ risks: ['It runs privileged.'] }, /privileged/],
    [{ publishedPorts: [] }, /no gateway/],
    [
      { publishedPorts: [{ containerPort: '8000/tcp', hostAddress: '0.0.0.0', hostPort: 8000 }] },
      /open to the network/,
    ],
    [{ environment: {} }, /no access token/],
  ])('refuses %j', async (changes, reason) => {
    engine.containers.set('lm_container', inspection({ labels: {}, ...changes }));
    await expect(sandbox.adopt()).rejects.toThrow(reason);
    expect(adopted).toBeNull();
    expect(sandbox.status().phase).toBe('foreign');
  });
});

describe('what happens from outside', () => {
  beforeEach(async () => {
    gateway.answer = ready;
    await sandbox.create('none');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sandbox.status().phase).toBe('healthy');
  });

  it('is seen by asking anew after an event: removed', async () => {
    engine.containers.clear();
    engine.emit({ id: 'made-1', action: 'destroy' });
    await tick();
    expect(sandbox.status()).toMatchObject({ phase: 'absent', container: null, parts: [] });
    expect(runs.at(-1)).toBeNull();
  });

  it.each([
    ['kill', 'stopped', null],
    ['oom', 'failed', 'out_of_memory'],
    ['die', 'failed', 'out_of_memory'],
  ] as const)('an end by 137 after the event %s is %s', async (action, phase, code) => {
    engine.emit({ id: 'made-1', action });
    engine.change('lm_container', { state: 'exited', exitCode: 137 });
    engine.emit({ id: 'made-1', action: 'die' });
    await tick();
    expect(sandbox.status().phase).toBe(phase);
    expect(sandbox.status().error?.code ?? null).toBe(code);
  });

  it('a past run does not excuse the next one', async () => {
    await sandbox.stop();
    await sandbox.start();
    engine.change('lm_container', { state: 'exited', exitCode: 137 });
    engine.emit({ id: 'made-1', action: 'die' });
    await tick();
    expect(sandbox.status()).toMatchObject({ phase: 'failed', error: { code: 'out_of_memory' } });
  });

  it('a failure carries its last lines', async () => {
    engine.logTail = ['model.gguf: no such file'];
    engine.change('lm_container', { state: 'exited', exitCode: 3 });
    engine.emit({ id: 'made-1', action: 'die' });
    await tick();
    expect(sandbox.status().error?.details).toMatchObject({ lastLines: 'model.gguf: no such file' });
  });

  it('events of shells, of other containers and of the daemon cause no question', async () => {
    const asked = vi.spyOn(engine, 'inspectContainer');
    engine.emit({ id: 'made-1', action: 'exec_create' });
    engine.emit({ id: 'other', name: 'other', action: 'start' });
    engine.emit({ type: 'daemon', action: 'reload' });
    await tick();
    expect(asked).not.toHaveBeenCalled();
  });

  it('a new image makes the container outdated', async () => {
    engine.images.set('lm-docker', {
      ...sandboxImage,
      id: 'sha256:new',
      labels: { 'dev.lm-sandbox.image-revision': 'revision-now' },
    });
    engine.emit({ type: 'image', action: 'tag', id: 'sha256:new', name: 'lm-docker' });
    await tick();
    expect(sandbox.status()).toMatchObject({
      image: { state: 'present', id: 'sha256:new', current: true },
      container: { outdated: ['The image was built anew.'] },
    });
  });

  it('what was missed while events were cut off is found out, and an end then is not called a failure', async () => {
    engine.change('lm_container', { state: 'exited', exitCode: 137 });
    engine.endEvents(new LmError('engine_connection_lost', 'x'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sandbox.status()).toMatchObject({ phase: 'stopped', error: { code: 'container_not_running' } });
    expect(statuses.some((status) => status.phase === 'failed')).toBe(false);
  });

  it('while the engine is gone nothing is claimed, and the same run is taken up again', async () => {
    const before = sandbox.require();
    finder.candidates = [unreachable(new LmError('engine_not_running', 'gone'))];
    engine.endEvents();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(sandbox.status()).toMatchObject({ phase: 'unknown', container: null });
    expect(sandbox.current()).toBeNull();
    finder.candidates = [reachable(engine)];
    await vi.advanceTimersByTimeAsync(3_000);
    expect(sandbox.require()).toEqual(before);
    expect(sandbox.status().phase).toBe('healthy');
  });

  it('a gateway that falls silent makes it unhealthy after a third miss, and healthy again when it answers', async () => {
    gateway.answer = new LmError('gateway_unreachable', 'silent');
    await vi.advanceTimersByTimeAsync(9_000);
    expect(sandbox.status().phase).toBe('healthy');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sandbox.status()).toMatchObject({
      phase: 'unhealthy',
      error: { code: 'gateway_unreachable' },
      parts: [{ name: 'gateway', state: 'unknown' }],
    });
    gateway.answer = ready;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sandbox.status()).toMatchObject({ phase: 'healthy', error: null });
  });
});

it('a gateway that never answers is waited for, and then missed', async () => {
  await sandbox.create('none');
  await vi.advanceTimersByTimeAsync(80_000);
  expect(sandbox.status().phase).toBe('starting');
  await vi.advanceTimersByTimeAsync(15_000);
  expect(sandbox.status()).toMatchObject({ phase: 'unhealthy', error: { code: 'gateway_unreachable' } });
});

it('revisions grow with each published status, and none is published twice', async () => {
  await sandbox.create('none');
  await sandbox.stop();
  engine.emit({ id: 'made-1', action: 'stop' });
  await tick();
  const revisions = statuses.map((status) => status.revision);
  expect(revisions).toEqual(revisions.map((_, index) => (revisions[0] ?? 0) + index));
  const contents = statuses.map((status) => JSON.stringify({ ...status, revision: 0 }));
  expect(contents.some((content, index) => content === contents[index + 1])).toBe(false);
});
