import { describe, expect, it } from 'vitest';
import { LmError, embeddedStatusSchema, type EmbeddedStatus, type Settings } from '../../contract';
import { silentLogger } from '../foundation';
import { ManualClock } from '../foundation/manual-clock.fakes';
import type { PtyEnd } from '../terminal';
import { EmbeddedService } from './embedded-service';
import { FakePtys, FakeRuntime, FakeSettings, missing } from './embedded-service.fakes';

const size = { columns: 80, rows: 24 };

function make(changes: Partial<Settings> = {}) {
  const runtime = new FakeRuntime();
  const settings = new FakeSettings(changes);
  const ptys = new FakePtys();
  const clock = new ManualClock();
  const service = new EmbeddedService({ settings, runtime, ptys, clock, logger: silentLogger });
  const seen: EmbeddedStatus[] = [];
  service.onChanged.on((status) => seen.push(embeddedStatusSchema.parse(status)));
  return { service, runtime, settings, ptys, clock, seen, states: () => seen.map(({ state }) => state) };
}

/** The next status that `test` is true of. */
function until(service: EmbeddedService, test: (status: EmbeddedStatus) => boolean): Promise<EmbeddedStatus> {
  return new Promise((resolve) => {
    if (test(service.status())) resolve(service.status());
    const stop = service.onChanged.on((status) => {
      if (!test(status)) return;
      stop();
      resolve(status);
    });
  });
}

describe('the embedded sandbox', () => {
  it('looks at nothing while the settings name the container', async () => {
    const { service, runtime } = make();
    expect(service.status()).toMatchObject({ state: 'off', isolation: { kind: 'unknown' }, running: 0 });
    expect(runtime.calls).toEqual([]);
    await expect(service.open(size)).rejects.toMatchObject({ code: 'sandbox_not_running' });
    await service.dispose();
    expect(runtime.calls).toEqual([]);
  });

  it('starts by itself where the settings name it, and follows them', async () => {
    const { service, settings } = make({ sandboxPlace: 'embedded' });
    await until(service, ({ state }) => state === 'ready');
    await settings.update({ sandboxPlace: 'container' });
    await until(service, ({ state }) => state === 'off');
    await settings.update({ sandboxPlace: 'embedded' });
    await until(service, ({ state }) => state === 'ready');
  });

  it('hands on what the settings ask for', async () => {
    const { service, runtime, clock } = make({
      embeddedNetwork: true,
      pidsLimit: 99,
      memoryLimitBytes: 1024 ** 3,
      cpuLimit: 2,
    });
    const status = await service.start();
    expect(status).toMatchObject({ state: 'ready', network: true, startedAtMs: clock.nowMs() });
    expect(runtime.wishes).toEqual({ network: true, processes: 99, memoryBytes: 1024 ** 3, cpus: 2 });
  });

  it('goes through its states in order, and counts revisions up', async () => {
    const { service, states, seen, runtime } = make();
    await service.start();
    await service.stop();
    expect(states()).toEqual(['checking', 'ready', 'stopping', 'off']);
    const revisions = seen.map(({ revision }) => revision);
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    expect(runtime.calls).toEqual(['prepareFolders', 'tryBubblewrap', 'release', 'clearTemporaryFiles']);
  });

  it('finds a second start done already', async () => {
    const { service, runtime } = make();
    await Promise.all([service.start(), service.start()]);
    expect(runtime.calls.filter((call) => call === 'tryBubblewrap')).toHaveLength(1);
  });

  it('says why when its folders cannot be made, and starts once they can', async () => {
    const { service, runtime } = make();
    runtime.folderFailure = new LmError('disk_full', 'full');
    expect(await service.start()).toMatchObject({ state: 'failed', error: { code: 'disk_full' } });
    runtime.folderFailure = null;
    expect(await service.start()).toMatchObject({ state: 'ready', error: null });
  });
});

describe('without isolation', () => {
  it('opens no shell before the person has agreed', async () => {
    const { service, runtime, ptys } = make();
    runtime.refusal = missing;
    expect(await service.start()).toMatchObject({
      state: 'needs-consent',
      isolation: { kind: 'none', reason: { code: 'isolation_missing' } },
    });
    await expect(service.open(size)).rejects.toThrow('you have not said');
    expect(() => service.launch({ command: ['true'], terminal: false })).toThrow('you have not said');
    expect(ptys.opened).toEqual([]);
    expect(runtime.calls).not.toContain('withoutIsolation');
  });

  it('opens shells that say so after a consent, and asks again at the next start', async () => {
    const { service, runtime, settings } = make();
    runtime.refusal = missing;
    await service.start();
    expect(await service.consent(false)).toMatchObject({
      state: 'ready',
      isolation: { kind: 'none' },
      network: true,
      workspace: { folder: runtime.folders.workspace, inside: runtime.folders.workspace },
    });
    expect((await service.open(size)).place).toBe('unisolated');
    expect(settings.current().embeddedWithoutIsolation).toBe(false);
    expect(await service.restart()).toMatchObject({ state: 'needs-consent' });
  });

  it('asks no more once the person wished that, and still says that nothing isolates', async () => {
    const { service, runtime, settings } = make();
    runtime.refusal = missing;
    await service.start();
    await service.consent(true);
    expect(settings.current().embeddedWithoutIsolation).toBe(true);
    expect(await service.restart()).toMatchObject({ state: 'ready', isolation: { kind: 'none' } });
  });

  it('prefers isolation as soon as there is one, whatever was agreed to', async () => {
    const { service, runtime } = make({ embeddedWithoutIsolation: true });
    expect(await service.start()).toMatchObject({ isolation: { kind: 'bubblewrap' } });
    runtime.refusal = missing;
    await service.restart();
    runtime.refusal = null;
    expect(await service.restart()).toMatchObject({ isolation: { kind: 'bubblewrap' } });
  });

  it('checks again from the question', async () => {
    const { service, runtime } = make();
    runtime.refusal = missing;
    await service.start();
    runtime.refusal = null;
    expect(await service.start()).toMatchObject({ state: 'ready', isolation: { kind: 'bubblewrap' } });
  });

  it('takes no consent that it did not ask for', async () => {
    const { service } = make();
    await expect(service.consent(true)).rejects.toMatchObject({ code: 'conflict' });
    await service.start();
    await expect(service.consent(true)).rejects.toMatchObject({ code: 'conflict' });
    expect(service.status().isolation.kind).toBe('bubblewrap');
  });
});

describe('what runs inside', () => {
  it('is ended by a stop, and told as stopped', async () => {
    const { service, runtime, ptys } = make();
    await service.start();
    const shell = await service.open(size);
    expect(shell.place).toBe('embedded');
    service.track(4_711, { command: ['sleep'], environment: {}, workingFolder: '/' });
    expect(service.status().running).toBe(2);
    const ends: PtyEnd[] = [];
    shell.onEnd((end) => ends.push(end));
    runtime.onEnd = (processId) => {
      ptys.opened.find((pty) => pty.processId === processId)?.exit(137);
      return Promise.resolve();
    };
    await service.stop();
    expect(runtime.ended).toEqual([100, 4_711]);
    expect(ends).toMatchObject([{ kind: 'lost', error: { code: 'sandbox_not_running' } }]);
    expect(service.status()).toMatchObject({ state: 'off', running: 0 });
  });

  it('is forgotten when it ends by itself', async () => {
    const { service, runtime, ptys } = make();
    await service.start();
    const shell = await service.open(size);
    const ends: PtyEnd[] = [];
    shell.onEnd((end) => ends.push(end));
    ptys.opened[0]?.exit(3);
    expect(ends).toEqual([{ kind: 'exited', exitCode: 3 }]);
    expect(service.status().running).toBe(0);
    await service.stop();
    expect(runtime.ended).toEqual([]);
  });

  it('ends with a shell that opened while the sandbox stopped', async () => {
    const { service, runtime, ptys } = make();
    await service.start();
    let opened = () => {};
    ptys.onOpen = () => new Promise((resolve) => (opened = resolve));
    const opening = service.open(size);
    await service.stop();
    opened();
    await expect(opening).rejects.toMatchObject({ code: 'sandbox_not_running' });
    expect(runtime.ended).toEqual([100]);
  });

  it('that cannot be ended leaves the sandbox failed, not off', async () => {
    const { service, runtime } = make();
    await service.start();
    await service.open(size);
    runtime.endFailure = new Error('Programs of process 100 cannot be ended.');
    expect(await service.stop()).toMatchObject({ state: 'failed', running: 1, error: { code: 'internal' } });
    runtime.endFailure = null;
    expect(await service.stop()).toMatchObject({ state: 'off', running: 0 });
  });

  it('ends when the network is switched, and the choice is kept', async () => {
    const { service, runtime, settings } = make();
    await service.start();
    await service.open(size);
    expect(await service.setNetwork(true)).toMatchObject({ state: 'ready', network: true, running: 0 });
    expect(settings.current().embeddedNetwork).toBe(true);
    expect(runtime.ended).toEqual([100]);
    // The same again changes nothing.
    await service.open(size);
    await service.setNetwork(true);
    expect(runtime.ended).toEqual([100]);
  });

  it('ends when the host does', async () => {
    const { service, runtime } = make();
    await service.start();
    await service.open(size);
    await Promise.all([service.dispose(), service.dispose()]);
    expect(runtime.ended).toEqual([100]);
    expect(service.onChanged.listenerCount).toBe(0);
  });
});
