import { act, render, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { LmError, type SandboxStatus } from '../../../electron/contract';
import { FakeHostClient } from '../../client/fake-host-client';
import { HostProvider } from '../../client/host-context';
import {
  absentSandbox,
  connectedEngine,
  containerFacts,
  failedBuild,
  healthySandbox,
  noGpuToolkit,
  runningBuild,
  settingsState,
  succeededBuild,
  unavailableEngine,
} from '../../client/host-fixtures';
import { HostStateProvider } from '../../client/host-state';
import { CommandProvider, createCommandRegistry } from '../../lib/commands';
import { SandboxActionsProvider } from './sandbox-actions';
import { SetupView, type SetupViewProps } from './setup-view';

const missingImage = { state: 'missing', reference: 'lm-docker' } as const;
const unknownSandbox = absentSandbox({ phase: 'unknown', image: { state: 'unknown' } });

function hostWith(sandbox: SandboxStatus): FakeHostClient {
  return new FakeHostClient()
    .respond('engine.status', connectedEngine())
    .respond('sandbox.status', sandbox)
    .respond('settings.get', settingsState())
    .respond('settings.update', settingsState())
    .onStreamOpened('image.watchBuildLog', (stream) =>
      stream.push({ kind: 'snapshot', build: null, logLines: [] }),
    );
}

function setupOver(host: FakeHostClient, props: SetupViewProps) {
  return (
    <HostProvider value={host}>
      <HostStateProvider>
        <SandboxActionsProvider>
          <SetupView {...props} />
        </SandboxActionsProvider>
      </HostStateProvider>
    </HostProvider>
  );
}

function renderSetup(host: FakeHostClient, props: SetupViewProps = { onFinished: () => undefined }) {
  return render(setupOver(host, props));
}

describe('the first run', () => {
  it('shows why no engine answers, the command that repairs it, and looks again when asked', async () => {
    const host = hostWith(unknownSandbox)
      .respond('engine.status', unavailableEngine())
      .respond('engine.search', unavailableEngine());
    renderSetup(host);
    const alert = within(await screen.findByRole('alert'));
    expect(alert.getByText('Docker runs, but your user may not talk to it.')).toBeTruthy();
    expect(alert.getByText('sudo usermod -aG docker $USER')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Look again' }));
    expect(host.inputsOf('engine.search')).toEqual([null]);

    act(() => host.emit('engine.changed', { ...connectedEngine(), revision: 3 }));
    await screen.findByText(/Docker Engine 28\.5\.1/);
  });

  it('builds the missing image, shows the steps as they go, and cancels', async () => {
    const host = hostWith(absentSandbox({ image: missingImage }))
      .respond('image.build', runningBuild())
      .respond('image.cancelBuild', null);
    renderSetup(host);
    await userEvent.click(await screen.findByRole('button', { name: 'Build image' }));
    expect(host.inputsOf('image.build')).toEqual([{ withoutCache: false }]);
    expect(
      screen.getByRole('progressbar', { name: 'Building the image' }).getAttribute('aria-valuenow'),
    ).toBe('33');
    expect(screen.getByText('734 MiB of 1.6 GiB', { exact: false })).toBeTruthy();

    await userEvent.click(screen.getByRole('button', { name: 'Cancel build' }));
    expect(host.inputsOf('image.cancelBuild')).toEqual([null]);
    act(() => host.emit('image.buildChanged', { ...runningBuild(), revision: 8, status: 'cancelled' }));
    await screen.findByText('The build was cancelled.');
  });

  it('shows a failed build with its repair and builds again without cache on request', async () => {
    const host = hostWith(absentSandbox({ image: missingImage })).onStreamOpened(
      'image.watchBuildLog',
      (stream) => stream.push({ kind: 'snapshot', build: failedBuild(), logLines: [] }),
    );
    renderSetup(host);
    await screen.findByText(/The disk of the engine is full/);
    expect(screen.getByText('docker system prune')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Build without cache' }));
    expect(host.inputsOf('image.build')).toEqual([{ withoutCache: true }]);
  });

  it('keeps the log of a build that succeeded at hand', async () => {
    const host = hostWith(absentSandbox({ image: missingImage })).onStreamOpened(
      'image.watchBuildLog',
      (stream) => stream.push({ kind: 'snapshot', build: runningBuild(), logLines: ['one', 'two'] }),
    );
    renderSetup(host);
    await screen.findByRole('button', { name: 'Show log' });
    act(() => {
      host.emit('image.buildChanged', succeededBuild());
      host.emit('sandbox.changed', { ...absentSandbox(), revision: 2 });
    });
    await screen.findByRole('button', { name: 'Create and start' });
    await userEvent.click(screen.getByRole('button', { name: 'Show build log' }));
    expect(await screen.findByText('2 lines')).toBeTruthy();
    expect(screen.getByRole('log', { name: 'Build log' })).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Hide build log' }));
    expect(screen.queryByRole('log')).toBeNull();
  });

  it('never takes the CPU by itself where no GPU is offered, and says why there is none', async () => {
    const host = hostWith(absentSandbox()).respond(
      'engine.status',
      connectedEngine({ gpu: { mechanism: 'none', devices: [], error: noGpuToolkit } }),
    );
    renderSetup(host);
    await screen.findByText(/the NVIDIA container toolkit is not set up/);
    const create = screen.getByRole<HTMLButtonElement>('button', { name: 'Create and start' });
    expect(create.disabled).toBe(true);
    expect(screen.getByRole<HTMLButtonElement>('radio', { name: /NVIDIA GPU/ }).disabled).toBe(true);
    await userEvent.click(screen.getByRole('radio', { name: /CPU only/ }));
    await userEvent.click(create);
    expect(host.inputsOf('sandbox.create')).toEqual([{ gpu: 'none' }]);
  });

  it('creates with the GPU that is offered, then starts what creating left stopped', async () => {
    const created = healthySandbox({ phase: 'created', parts: [] });
    const host = hostWith(absentSandbox())
      .respond('sandbox.create', created)
      .respond('sandbox.start', healthySandbox());
    renderSetup(host);
    await userEvent.click(await screen.findByRole('button', { name: 'Create and start' }));
    expect(host.inputsOf('sandbox.create')).toEqual([{ gpu: 'all' }]);
    await waitFor(() => expect(host.inputsOf('sandbox.start')).toEqual([null]));
  });

  it('keeps the failure of a creation in view until the next try', async () => {
    const host = hostWith(absentSandbox()).respond(
      'sandbox.create',
      new LmError('port_in_use', 'Port 8000 is taken.', { repair: { text: 'Choose another port.' } }),
    );
    renderSetup(host);
    await userEvent.click(await screen.findByRole('button', { name: 'Create and start' }));
    await screen.findByText('Port 8000 is taken.');
    host.respond('sandbox.create', () => new Promise(() => undefined));
    await userEvent.click(screen.getByRole('button', { name: 'Create and start' }));
    expect(screen.queryByText('Port 8000 is taken.')).toBeNull();
  });

  it('offers another name or adoption for a foreign container, and adopts only after a question', async () => {
    const host = hostWith(
      absentSandbox({
        phase: 'foreign',
        container: containerFacts({ managed: false, imageReference: 'nginx' }),
      }),
    );
    renderSetup(host);
    const name = await screen.findByRole('textbox', { name: 'Use another name' });
    await userEvent.clear(name);
    await userEvent.type(name, 'a b');
    expect(screen.getByText(/Letters, digits, dot/)).toBeTruthy();
    await userEvent.clear(name);
    await userEvent.type(name, 'lm_mine{Enter}');
    expect(host.inputsOf('settings.update')).toEqual([{ containerName: 'lm_mine' }]);

    await userEvent.click(screen.getByRole('button', { name: 'Adopt this container…' }));
    expect(host.inputsOf('sandbox.adopt')).toEqual([]);
    await userEvent.click(within(screen.getByRole('alertdialog')).getByRole('button', { name: 'Adopt' }));
    expect(host.inputsOf('sandbox.adopt')).toEqual([null]);
  });

  it('leads on once the sandbox is healthy', async () => {
    const host = hostWith(healthySandbox({ phase: 'starting' }));
    const onFinished = vi.fn();
    renderSetup(host, { onFinished });
    await screen.findByText('Starting…');
    act(() => host.emit('sandbox.changed', healthySandbox({ revision: 2 })));
    const open = await screen.findByRole('button', { name: 'Open the workspace' });
    expect(document.activeElement).toBe(open);
    await userEvent.click(open);
    expect(onFinished).toHaveBeenCalledTimes(1);
  });

  it('holds no listener and no stream after it is gone', async () => {
    const host = hostWith(absentSandbox());
    const view = renderSetup(host);
    await screen.findByRole('button', { name: 'Create and start' });
    view.unmount();
    expect(host.heldCount).toBe(0);
  });
});

describe('the sandbox that is there', () => {
  it('leads to the settings when another value there is the repair', async () => {
    const host = hostWith(healthySandbox({ phase: 'stopped' })).respond(
      'sandbox.start',
      new LmError('port_in_use', 'Port 8000 is taken.'),
    );
    const registry = createCommandRegistry();
    const openSettings = vi.fn();
    registry.register([{ id: 'app.settings', title: 'Settings', group: 'App', run: openSettings }]);
    render(<CommandProvider registry={registry}>{setupOver(host, {})}</CommandProvider>);
    await userEvent.click(await screen.findByRole('button', { name: 'Start' }));
    await userEvent.click(await screen.findByRole('button', { name: 'Open the settings' }));
    expect(openSettings).toHaveBeenCalledTimes(1);
  });

  it('removes it only after a question, and its data only with the box ticked', async () => {
    const host = hostWith(healthySandbox());
    renderSetup(host, {});
    await userEvent.click(await screen.findByRole('button', { name: 'Remove…' }));
    const dialog = within(screen.getByRole('alertdialog'));
    expect(document.activeElement).toBe(dialog.getByRole('button', { name: 'Cancel' }));
    await userEvent.click(dialog.getByRole('checkbox'));
    await userEvent.click(dialog.getByRole('button', { name: 'Remove with all data' }));
    expect(host.inputsOf('sandbox.remove')).toEqual([{ removeVolumes: true }]);
  });

  it('does not turn a GPU sandbox into a CPU one while recreating, unless that is chosen', async () => {
    const host = hostWith(healthySandbox()).respond(
      'engine.status',
      connectedEngine({ gpu: { mechanism: 'none', devices: [], error: noGpuToolkit } }),
    );
    renderSetup(host, {});
    await userEvent.click(await screen.findByRole('button', { name: 'Recreate…' }));
    const dialog = within(screen.getByRole('dialog'));
    expect(dialog.getByRole<HTMLButtonElement>('button', { name: 'Recreate' }).disabled).toBe(true);
    await userEvent.click(dialog.getByRole('radio', { name: /CPU only/ }));
    await userEvent.click(dialog.getByRole('button', { name: 'Recreate' }));
    expect(host.inputsOf('sandbox.recreate')).toEqual([{ gpu: 'none' }]);
  });

  it('shows the log of the build that made its image, as long as the host has it', async () => {
    const host = hostWith(healthySandbox());
    const view = renderSetup(host, {});
    await screen.findByRole('button', { name: 'Build again' });
    expect(screen.queryByRole('button', { name: 'Show build log' })).toBeNull();
    view.unmount();

    host.onStreamOpened('image.watchBuildLog', (stream) =>
      stream.push({ kind: 'snapshot', build: succeededBuild(), logLines: ['one', 'two', 'three'] }),
    );
    renderSetup(host, {});
    await userEvent.click(await screen.findByRole('button', { name: 'Show build log' }));
    expect(await screen.findByText('3 lines')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Build again' })).toBeTruthy();
  });

  it('stops and restarts', async () => {
    const host = hostWith(healthySandbox()).respond('sandbox.restart', healthySandbox());
    renderSetup(host, {});
    await userEvent.click(await screen.findByRole('button', { name: 'Restart' }));
    await userEvent.click(screen.getByRole('button', { name: 'Stop' }));
    expect(host.calls.map((call) => call.name)).toEqual(
      expect.arrayContaining(['sandbox.restart', 'sandbox.stop']),
    );
  });
});
