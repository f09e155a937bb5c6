import { describe, expect, it } from 'vitest';
import { LmError, type SandboxPlace } from '../contract';
import type { RunningContainer } from '../services/container/running-container';
import { FakeRunningContainer } from '../services/container/running-container.fakes';
import { EmbeddedService } from '../services/embedded';
import { FakePtys, FakeRuntime, FakeSettings } from '../services/embedded/embedded-service.fakes';
import { silentLogger } from '../services/foundation';
import { ManualClock } from '../services/foundation/manual-clock.fakes';
import type { Pty } from '../services/terminal';
import { runningByPlace, shellsByPlace, type PlaceDeps } from './places';

const size = { columns: 80, rows: 24 };

function make(place: SandboxPlace) {
  const settings = new FakeSettings({ sandboxPlace: place });
  const embedded = new EmbeddedService({
    settings,
    runtime: new FakeRuntime(),
    ptys: new FakePtys(),
    clock: new ManualClock(),
    logger: silentLogger,
  });
  const container = new FakeRunningContainer();
  const deps: PlaceDeps = {
    place: () => settings.current().sandboxPlace,
    onSettingsChanged: (listener) => settings.onChanged.on(listener),
    container,
    embedded,
  };
  return { settings, embedded, container, deps };
}

describe('what runs, by place', () => {
  it('is the embedded sandbox as if it were a container, and never the other place', async () => {
    const { settings, embedded, container, deps } = make('embedded');
    await embedded.start();
    const running = runningByPlace(deps);
    const seen: (string | null)[] = [];
    const stop = running.onChanged((now: RunningContainer | null) => seen.push(now?.containerId ?? null));
    expect(running.require()).toMatchObject({ containerId: 'embedded', gatewayUrl: '', gpuChoice: 'all' });

    container.start('c1', 'run-1');
    expect(seen).toEqual([]);
    await embedded.stop();
    expect(() => running.require()).toThrow('The embedded sandbox is not running.');
    expect(running.current()).toBeNull();
    await settings.update({ theme: 'dark' });
    expect(seen).toEqual([null]);

    await settings.update({ sandboxPlace: 'container' });
    expect(seen).toEqual([null, 'c1']);
    await embedded.start();
    expect(seen).toEqual([null, 'c1']);
    stop();
    container.start('c2', 'run-2');
    expect(seen).toHaveLength(2);
  });
});

describe('shells, by place', () => {
  it('open where the person works now', async () => {
    const { settings, embedded, deps } = make('embedded');
    await embedded.start();
    const refusal = new LmError('container_not_running', 'No container.');
    const backend = shellsByPlace(deps, { open: (): Promise<Pty> => Promise.reject(refusal) });
    expect((await backend.open(size)).place).toBe('embedded');
    await settings.update({ sandboxPlace: 'container' });
    await expect(backend.open(size)).rejects.toBe(refusal);
  });
});
