import { describe, expect, it } from 'vitest';
import { LmError, localApiStatusSchema, type LocalApiStatus, type Settings } from '../../contract';
import { EmbeddedService } from '../embedded';
import { FakePtys, FakeRuntime, FakeSettings, missing } from '../embedded/embedded-service.fakes';
import { silentLogger } from '../foundation';
import { ManualClock } from '../foundation/manual-clock.fakes';
import { LocalApiService } from './local-api-service';
import type { GatewayRuntime, LauncherDescription, ModelDoor, PreparationProgress } from './ports';

/** A gateway whose life a test leads. */
class FakeGateways implements GatewayRuntime {
  readonly tokenFile = '/data/api-token';
  readonly calls: string[] = [];
  readonly launchers: LauncherDescription[] = [];
  readonly ends: ((lastWords: string) => void)[] = [];
  tellPrograms: (processIds: readonly number[]) => void = () => undefined;
  prepareFailure: LmError | null = null;
  /** Set to hold the preparation until it is aborted. */
  holds = false;

  token(): Promise<string> {
    return Promise.resolve('token');
  }

  prepare(tell: (progress: PreparationProgress) => void, signal: AbortSignal): Promise<void> {
    this.calls.push('prepare');
    if (this.prepareFailure) return Promise.reject(this.prepareFailure);
    tell({ step: 'Fetching fastapi', completed: 1, total: 2 });
    if (!this.holds) return Promise.resolve();
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new LmError('cancelled', 'It was cancelled.')));
    });
  }

  start(port: number, launcher: LauncherDescription, tellPrograms: (processIds: readonly number[]) => void) {
    this.tellPrograms = tellPrograms;
    this.calls.push(`start ${port}`);
    this.launchers.push(launcher);
    let end: (lastWords: string) => void = () => undefined;
    const ended = new Promise<string>((resolve) => (end = resolve));
    this.ends.push(end);
    return Promise.resolve({
      address: `http://127.0.0.1:${port}`,
      ended,
      stop: () => {
        this.calls.push('stop');
        end('');
        return Promise.resolve();
      },
    });
  }
}

class FakeModels implements ModelDoor {
  isOpen = false;
  failure: LmError | null = null;
  open(): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    this.isOpen = true;
    return Promise.resolve();
  }
  close(): Promise<void> {
    this.isOpen = false;
    return Promise.resolve();
  }
}

function make(changes: Partial<Settings> = {}) {
  const settings = new FakeSettings({ sandboxPlace: 'embedded', ...changes });
  const runtime = new FakeRuntime();
  const clock = new ManualClock();
  const gateways = new FakeGateways();
  const models = new FakeModels();
  const embedded = new EmbeddedService({
    settings,
    runtime,
    ptys: new FakePtys(),
    clock,
    logger: silentLogger,
  });
  const service = new LocalApiService({
    ...{ settings, embedded, runtime: gateways, models, clock, logger: silentLogger },
  });
  const seen: LocalApiStatus[] = [];
  service.onChanged.on((status) => seen.push(localApiStatusSchema.parse(status)));
  const states = () => seen.map(({ state }) => state).filter((state, index, all) => state !== all[index - 1]);
  return { service, settings, runtime, embedded, gateways, models, clock, seen, states };
}

function until(service: LocalApiService, state: LocalApiStatus['state']): Promise<LocalApiStatus> {
  return new Promise((resolve) => {
    if (service.status().state === state) resolve(service.status());
    const stop = service.onChanged.on((status) => {
      if (status.state !== state) return;
      stop();
      resolve(status);
    });
  });
}

describe('the API of the embedded sandbox', () => {
  it('looks for nothing while it is off', async () => {
    const { service, embedded, gateways } = make();
    await embedded.start();
    await service.settled();
    expect(service.status()).toMatchObject({ state: 'off', address: null });
    expect(gateways.calls).toEqual([]);
  });

  it('runs while the settings and the sandbox do', async () => {
    const { service, embedded, gateways, models, states } = make();
    await embedded.start();
    await service.setEnabled(true);
    expect(await until(service, 'running')).toMatchObject({
      ...{ address: 'http://127.0.0.1:8010', isolation: 'bubblewrap', error: null, progress: null },
    });
    expect(models.isOpen).toBe(true);
    await embedded.stop();
    expect(service.status()).toMatchObject({ state: 'waiting', address: null, isolation: null });
    expect(models.isOpen).toBe(false);
    await embedded.start();
    await until(service, 'running');
    await service.setEnabled(false);
    await until(service, 'off');
    // Before that it was told that it is off while the sandbox came up.
    expect(states().slice(1, 6)).toEqual(['preparing', 'starting', 'running', 'stopping', 'waiting']);
    expect(gateways.calls).toEqual(['prepare', 'start 8010', 'stop', 'prepare', 'start 8010', 'stop']);
  });

  it('is ended before the sandbox counts as stopped', async () => {
    const { service, embedded, gateways, runtime } = make({ localApi: true });
    await until(service, 'running');
    await embedded.stop();
    expect(gateways.calls.at(-1)).toBe('stop');
    expect(runtime.calls.at(-1)).toBe('clearTemporaryFiles');
  });

  it('has its commands count as running in the sandbox, told at a bearable rate', async () => {
    const { service, embedded, gateways, clock } = make({ localApi: true });
    await until(service, 'running');
    const told: number[] = [];
    embedded.onChanged.on(({ running }) => told.push(running));
    gateways.tellPrograms([501]);
    gateways.tellPrograms([501, 502]);
    expect(embedded.status().running).toBe(2);
    expect(told).toEqual([]);
    expect(embedded.current()?.processIds()).toEqual([501, 502]);
    clock.advance(100);
    gateways.tellPrograms([502]);
    clock.advance(100);
    expect(told).toEqual([2, 1]);
    gateways.ends[0]?.('boom');
    await until(service, 'preparing');
    expect(embedded.status().running).toBe(0);
    await until(service, 'running');
    gateways.tellPrograms([503]);
    // As many as before: nobody has to be told, and who asks finds the others.
    gateways.tellPrograms([504]);
    expect(embedded.current()?.processIds()).toEqual([504]);
    await embedded.stop();
    expect(embedded.status().running).toBe(0);
  });

  it('moves to another port at once', async () => {
    const { service, settings, gateways } = make({ localApi: true });
    await until(service, 'running');
    await settings.update({ localApiPort: 9000 });
    await service.settled();
    expect(service.status().address).toBe('http://127.0.0.1:9000');
    expect(gateways.calls).toEqual(['prepare', 'start 8010', 'stop', 'prepare', 'start 9000']);
  });

  it('leaves off its preparation when it is switched off', async () => {
    const { service, gateways } = make({ localApi: true });
    gateways.holds = true;
    expect((await until(service, 'preparing')).error).toBeNull();
    await service.setEnabled(false);
    expect(await until(service, 'off')).toMatchObject({ error: null, progress: null });
    expect(gateways.calls).toEqual(['prepare']);
  });

  it('says why it is not available, and tries again when asked', async () => {
    const { service, gateways } = make({ localApi: true });
    gateways.prepareFailure = new LmError('unsupported', 'There is no Python.');
    expect(await until(service, 'failed')).toMatchObject({ error: { code: 'unsupported' } });
    gateways.prepareFailure = null;
    service.retry();
    expect(await until(service, 'running')).toMatchObject({ error: null });
  });

  it('starts again when it ends by itself, but not for ever', async () => {
    const { service, gateways } = make({ localApi: true });
    for (let count = 1; count <= 3; count++) {
      await until(service, 'running');
      gateways.ends[count - 1]?.('boom');
      await until(service, 'preparing');
    }
    await until(service, 'running');
    gateways.ends[3]?.('boom');
    expect(await until(service, 'failed')).toMatchObject({
      error: { code: 'internal', details: { lastWords: 'boom' } },
    });
    expect(gateways.launchers).toHaveLength(4);
  });

  it('serves without models where their socket cannot be made, and says so', async () => {
    const { service, models } = make();
    models.failure = new LmError('invalid_input', 'The path is too long.');
    await service.setEnabled(true);
    expect(await until(service, 'running')).toMatchObject({ error: { code: 'invalid_input' } });
  });

  it('tells a gateway that nothing isolates, only after the consent', async () => {
    const { service, embedded, runtime, gateways } = make({ localApi: true });
    runtime.refusal = missing;
    await embedded.restart();
    await service.settled();
    expect(embedded.status().state).toBe('needs-consent');
    expect(service.status().state).toBe('waiting');
    await embedded.consent(false);
    expect(await until(service, 'running')).toMatchObject({ isolation: 'none' });
    expect(gateways.launchers.at(-1)).toMatchObject({ isolation: 'none', command: [], variables: null });
  });

  it('hands the token out and ends with the host', async () => {
    const { service, gateways } = make({ localApi: true });
    await until(service, 'running');
    expect(await service.token()).toBe('token');
    await service.dispose();
    await service.dispose();
    expect(gateways.calls.at(-1)).toBe('stop');
  });
});
