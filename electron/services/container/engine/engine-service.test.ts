import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LmError, type EngineState, type ErrorCode } from '../../../contract';
import { silentLogger, systemClock } from '../../foundation';
import {
  FakeContainerEngine,
  FakeEngineFinder,
  FakeSettings,
  information,
  reachable,
  unreachable,
} from '../container-engine.fakes';
import { EngineService } from './engine-service';

let finder: FakeEngineFinder;
let settings: FakeSettings;
let service: EngineService;
let states: EngineState[];

const tick = () => vi.advanceTimersByTimeAsync(0);
const missing = (code: ErrorCode = 'engine_not_running') => unreachable(new LmError(code, code));

beforeEach(() => {
  vi.useFakeTimers();
  finder = new FakeEngineFinder();
  settings = new FakeSettings();
  service = new EngineService({ finder, settings, clock: systemClock, logger: silentLogger });
  states = [];
  service.onChanged.on((state) => states.push(state));
});
afterEach(async () => {
  service.dispose();
  await tick();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('the search for an engine', () => {
  it('takes the first candidate that answers, in the order of preference', async () => {
    const second = new FakeContainerEngine({ url: 'unix:///second', origin: 'rootless', label: 'second' });
    const third = new FakeContainerEngine({ url: 'unix:///third', origin: 'podman', label: 'third' });
    finder.candidates = [missing(), reachable(second), reachable(third)];
    service.start();
    await tick();
    expect(service.state()).toMatchObject({ state: 'connected', revision: 1, endpoint: { label: 'second' } });
    expect(service.require()).toBe(second);
    expect(third.isFollowed).toBe(false);
  });

  it.each<[ErrorCode[], boolean, ErrorCode]>([
    [['engine_not_running', 'engine_permission_denied'], true, 'engine_permission_denied'],
    [['engine_not_responding', 'engine_permission_denied'], true, 'engine_permission_denied'],
    [['engine_not_running', 'engine_not_responding', 'engine_failed'], true, 'engine_not_responding'],
    [['engine_not_running', 'engine_too_old'], true, 'engine_too_old'],
    [['engine_not_running', 'engine_not_running'], true, 'engine_not_running'],
    [['engine_not_running', 'engine_not_running'], false, 'engine_not_installed'],
    // A chosen address needs no programs here.
    [['engine_not_running'], false, 'engine_not_running'],
    [['engine_permission_denied', 'engine_not_running'], false, 'engine_permission_denied'],
  ])('that meets %j with programs installed: %s reports %s', async (codes, installed, reported) => {
    finder.candidates = codes.map(missing);
    finder.installed = installed;
    service.start();
    await tick();
    const state = service.state();
    expect(state).toMatchObject({ state: 'unavailable', error: { code: reported } });
    if (state.state === 'unavailable') expect(state.tried.map((entry) => entry.error.code)).toEqual(codes);
    expect(() => service.require()).toThrow(expect.objectContaining({ code: reported }));
  });

  it('is repeated with growing pauses that stay short, and says when', async () => {
    finder.candidates = [missing()];
    service.start();
    await tick();
    const pauses: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      const state = service.state();
      if (state.state !== 'unavailable' || state.retryAtMs === null) throw new Error('must be waiting');
      pauses.push(state.retryAtMs - Date.now());
      await vi.advanceTimersByTimeAsync(state.retryAtMs - Date.now());
    }
    expect(pauses).toEqual([500, 1_000, 2_000, 3_000, 3_000, 3_000]);
  });

  it('begins at once when the person asks, and answers with what came of it', async () => {
    finder.candidates = [missing()];
    service.start();
    await tick();
    finder.candidates = [reachable(new FakeContainerEngine())];
    expect(await service.search()).toMatchObject({ state: 'connected' });
  });

  it('begins anew when the address in the settings changes, and only then', async () => {
    finder.candidates = [reachable(new FakeContainerEngine())];
    service.start();
    await tick();
    settings.change({ theme: 'dark' });
    await tick();
    expect(finder.searches).toBe(1);
    settings.change({ engineUrl: 'tcp://box:2376' });
    await tick();
    expect(finder.searchedUrls).toEqual([null, 'tcp://box:2376']);
  });

  it('says that it is still searching before the first answer', () => {
    expect(service.state()).toEqual({ state: 'searching', revision: 0 });
    expect(() => service.require()).toThrow(/Still looking/);
  });
});

describe('a connected engine', () => {
  let engine: FakeContainerEngine;
  let resyncs: number;
  beforeEach(async () => {
    engine = new FakeContainerEngine();
    finder.candidates = [reachable(engine)];
    resyncs = 0;
    service.onResync.on(() => (resyncs += 1));
    service.start();
    await tick();
  });

  it('hands on its events', () => {
    const seen: string[] = [];
    service.onEvent.on((event) => seen.push(event.action));
    engine.emit({ action: 'die' });
    expect(seen).toEqual(['die']);
  });

  it.each([
    ['cleanly', undefined],
    ['broken', new LmError('engine_connection_lost', 'x')],
  ])(
    'whose events end (%s) is asked again within a second, without being called lost',
    async (_how, error) => {
      expect(resyncs).toBe(1);
      engine.endEvents(error);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(resyncs).toBe(2);
      expect(states.every((state) => state.state === 'connected')).toBe(true);
    },
  );

  it('that went away is called lost at the first failed attempt, and found again', async () => {
    finder.candidates = [missing()];
    engine.endEvents(new LmError('engine_connection_lost', 'x'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(service.state()).toMatchObject({ state: 'unavailable', error: { code: 'engine_not_running' } });
    expect(service.current()).toBeNull();
    finder.candidates = [reachable(engine)];
    await vi.advanceTimersByTimeAsync(3_000);
    expect(service.state().state).toBe('connected');
    expect(resyncs).toBe(2);
  });

  it('that answers no ping is lost within 15 s', async () => {
    engine.failNext('ping', new LmError('engine_not_responding', 'silent'));
    finder.candidates = [unreachable(new LmError('engine_not_responding', 'silent'))];
    await vi.advanceTimersByTimeAsync(5_000);
    expect(service.state()).toMatchObject({ state: 'unavailable', error: { code: 'engine_not_responding' } });
    expect(engine.isFollowed).toBe(false);
  });

  it('is not exchanged for another one while it restarts, but is in the end', async () => {
    const podman = new FakeContainerEngine({ url: 'unix:///podman', origin: 'podman', label: 'podman' });
    finder.candidates = [missing(), reachable(podman)];
    engine.endEvents();
    await vi.advanceTimersByTimeAsync(50_000);
    expect(service.state().state).toBe('unavailable');
    await vi.advanceTimersByTimeAsync(15_000);
    expect(service.state()).toMatchObject({ state: 'connected', endpoint: { origin: 'podman' } });
  });

  it('that ends every stream at once is not asked in a tight loop', async () => {
    for (let i = 0; i < 10; i += 1) {
      engine.endEvents();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(finder.searches).toBeLessThanOrEqual(3);
  });

  it('that refuses to report events counts as unavailable', async () => {
    engine.failNext('followEvents', new LmError('engine_failed', 'no events here'));
    engine.endEvents();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(states.at(-1)).toMatchObject({ state: 'unavailable', error: { message: 'no events here' } });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(service.state().state).toBe('connected');
  });

  it('gives revisions that only grow', async () => {
    engine.endEvents();
    await vi.advanceTimersByTimeAsync(1_000);
    await service.search();
    const revisions = states.map((state) => state.revision);
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    expect(new Set(revisions).size).toBe(revisions.length);
  });

  it('is described with its GPUs and with what a careful person would change', async () => {
    engine.information = information({
      version: '28.5.2',
      runcVersion: '1.1.5',
      cdiDevices: ['nvidia.com/gpu=all'],
      securityOptions: ['name=seccomp,profile=unconfined'],
      warnings: ['No swap limit support'],
    });
    await service.search();
    const state = service.state();
    if (state.state !== 'connected') throw new Error('must be connected');
    expect(state.facts.gpu).toEqual({ mechanism: 'cdi', devices: ['all'], error: null });
    expect(state.facts.warnings).toEqual([
      'No swap limit support',
      expect.stringContaining('29.4.3'),
      expect.stringContaining('runc 1.1.5'),
      expect.stringContaining('unconfined'),
    ]);
    expect(state.facts).not.toHaveProperty('cdiDevices');
  });

  it('of the newest kind is warned of nothing', () => {
    expect(service.state()).toMatchObject({ facts: { warnings: [] } });
  });
});

it('nothing runs after disposal', async () => {
  const engine = new FakeContainerEngine();
  finder.candidates = [reachable(engine)];
  service.start();
  await tick();
  service.dispose();
  service.dispose();
  await tick();
  expect(engine.isFollowed).toBe(false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(finder.searches).toBe(1);
});
