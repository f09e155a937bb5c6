import { act, render, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { LmError, type EmbeddedStatus, type ErrorData } from '../../../electron/contract';
import { FakeHostClient } from '../../client/fake-host-client';
import { HostProvider } from '../../client/host-context';
import {
  absentSandbox,
  askingEmbedded,
  localApi,
  readyEmbedded,
  settingsState,
  unavailableEngine,
} from '../../client/host-fixtures';
import { HostStateProvider } from '../../client/host-state';
import { SandboxActionsProvider } from './sandbox-actions';
import { SetupView, type SetupViewProps } from './setup-view';

function hostWith(status: EmbeddedStatus, place: 'container' | 'embedded' = 'embedded'): FakeHostClient {
  return new FakeHostClient()
    .respond('engine.status', unavailableEngine())
    .respond('sandbox.status', absentSandbox({ phase: 'unknown', image: { state: 'unknown' } }))
    .respond('settings.get', settingsState({ sandboxPlace: place }))
    .respond('settings.update', settingsState({ sandboxPlace: place }))
    .respond('embedded.status', status)
    .respond('localApi.status', localApi())
    .onStreamOpened('image.watchBuildLog', (stream) =>
      stream.push({ kind: 'snapshot', build: null, logLines: [] }),
    );
}

function renderSetup(host: FakeHostClient, props: SetupViewProps = {}) {
  return render(
    <HostProvider value={host}>
      <HostStateProvider>
        <SandboxActionsProvider>
          <SetupView {...props} />
        </SandboxActionsProvider>
      </HostStateProvider>
    </HostProvider>,
  );
}

describe('without an engine', () => {
  it('offers the embedded sandbox, and goes there when the host says so', async () => {
    const host = hostWith(readyEmbedded(), 'container');
    renderSetup(host, { onFinished: () => undefined });
    await userEvent.click(await screen.findByRole('button', { name: 'Use Embedded' }));
    expect(host.inputsOf('settings.update')).toEqual([{ sandboxPlace: 'embedded' }]);
    act(() => host.emit('settings.changed', { ...settingsState({ sandboxPlace: 'embedded' }), revision: 2 }));
    expect(await screen.findByRole('heading', { name: /Embedded sandbox/ })).toBeTruthy();
  });
});

describe('the embedded sandbox', () => {
  it('says what is out of reach and what is not', async () => {
    renderSetup(hostWith(readyEmbedded()));
    const section = within(await screen.findByRole('region', { name: 'Isolation' }));
    expect(section.getByText(/^Your files/)).toBeTruthy();
    expect(section.getByText(/a fault in it could be a way out/)).toBeTruthy();
    expect(section.getByText('The network, and what listens on this computer.')).toBeTruthy();
    expect(screen.getByText('/home/ada/.config/lm-sandbox/embedded/workspace')).toBeTruthy();
  });

  it('does not promise what the network undoes', async () => {
    renderSetup(hostWith(readyEmbedded({ network: true })));
    const section = within(await screen.findByRole('region', { name: 'Isolation' }));
    expect(section.queryByText('The network, and what listens on this computer.')).toBeNull();
    expect(section.getByText(/such as databases and the desktop/)).toBeTruthy();
  });

  it('asks before it ends what runs, for each way to end it', async () => {
    const host = hostWith(readyEmbedded({ running: 2 }));
    renderSetup(host);
    await userEvent.click(await screen.findByRole('switch', { name: 'Network' }));
    const question = within(screen.getByRole('alertdialog'));
    expect(question.getByText(/The 2 terminals and commands/)).toBeTruthy();
    await userEvent.click(question.getByRole('button', { name: 'Cancel' }));
    for (const name of ['Stop', 'Restart', 'Use a container instead']) {
      await userEvent.click(screen.getByRole('button', { name }));
      await userEvent.click(within(screen.getByRole('alertdialog')).getByRole('button', { name: 'Cancel' }));
    }
    const asked = host.calls.map(({ name }) => name);
    const ending = ['embedded.stop', 'embedded.restart', 'embedded.setNetwork', 'settings.update'] as const;
    expect(ending.filter((name) => asked.includes(name))).toEqual([]);
    await userEvent.click(screen.getByRole('switch', { name: 'Network' }));
    await userEvent.click(within(screen.getByRole('alertdialog')).getByRole('button', { name: 'Switch on' }));
    expect(host.inputsOf('embedded.setNetwork')).toEqual([{ network: true }]);
  });

  it('ends nothing, so asks nothing, where nothing runs', async () => {
    const host = hostWith(readyEmbedded({ running: 0 }));
    renderSetup(host);
    await userEvent.click(await screen.findByRole('button', { name: 'Use a container instead' }));
    expect(host.inputsOf('settings.update')).toEqual([{ sandboxPlace: 'container' }]);
  });

  it('keeps the focus where Start and Restart take turns, unless somebody is elsewhere', async () => {
    const host = hostWith(readyEmbedded({ running: 1, revision: 1 })).respond(
      'embedded.stop',
      readyEmbedded({ running: 0, state: 'off', revision: 3 }),
    );
    renderSetup(host);
    const enter = (state: EmbeddedStatus['state'], revision: number) =>
      act(() => host.emit('embedded.changed', readyEmbedded({ running: 0, state, revision })));
    await userEvent.click(await screen.findByRole('button', { name: 'Stop' }));
    await userEvent.click(within(screen.getByRole('alertdialog')).getByRole('button', { name: 'Stop' }));
    await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Stop' })));
    enter('stopping', 2);
    enter('off', 3);
    expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Start' }));
    enter('checking', 4);
    enter('ready', 5);
    expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Restart' }));
    const elsewhere = screen.getByRole('switch', { name: 'Network' });
    elsewhere.focus();
    enter('off', 6);
    expect(document.activeElement).toBe(elsewhere);
  });

  it('says which limits hold and why one does not', async () => {
    const status = readyEmbedded();
    const problem = 'Neither systemd nor a control group can hold it here.';
    renderSetup(
      hostWith({
        ...status,
        limits: status.limits && {
          ...status.limits,
          memoryBytes: { wanted: 2 * 1024 ** 3, heldBy: null, problem },
        },
      }),
    );
    const limits = within(await screen.findByRole('region', { name: 'Limits' }));
    expect(limits.getByText('4,096 in each terminal')).toBeTruthy();
    expect(limits.getByText('Not held')).toBeTruthy();
    expect(limits.getByText(new RegExp(problem))).toBeTruthy();
  });

  it('shows a refusal of the host until it is dismissed', async () => {
    const host = hostWith(readyEmbedded({ running: 0 })).respond(
      'embedded.restart',
      new LmError('conflict', 'It is stopping.'),
    );
    renderSetup(host);
    await userEvent.click(await screen.findByRole('button', { name: 'Restart' }));
    await screen.findByText('It is stopping.');
    await userEvent.click(screen.getByRole('button', { name: 'Dismiss' }));
    expect(screen.queryByText('It is stopping.')).toBeNull();
  });
});

describe('without isolation', () => {
  it('says so with the repair, and goes on only after a question whose safe answer is first', async () => {
    const host = hostWith(askingEmbedded()).respond('embedded.consent', readyEmbedded());
    renderSetup(host, { onFinished: () => undefined });
    const alert = within(await screen.findByRole('alert'));
    expect(alert.getByText('Not isolated')).toBeTruthy();
    expect(alert.getByText('sudo apt install bubblewrap')).toBeTruthy();
    await userEvent.click(alert.getByRole('button', { name: 'Go on without isolation…' }));
    expect(host.inputsOf('embedded.consent')).toEqual([]);
    const question = within(screen.getByRole('alertdialog'));
    expect(document.activeElement).toBe(question.getByRole('button', { name: 'Cancel' }));
    await userEvent.click(question.getByRole('button', { name: 'Go on without isolation' }));
    expect(host.inputsOf('embedded.consent')).toEqual([{ remember: false }]);
  });

  it('keeps the answer only where the box is ticked', async () => {
    const host = hostWith(askingEmbedded()).respond('embedded.consent', readyEmbedded());
    renderSetup(host);
    await userEvent.click(await screen.findByRole('button', { name: 'Go on without isolation…' }));
    await userEvent.click(screen.getByRole('checkbox'));
    await userEvent.click(screen.getByRole('button', { name: 'Go on without isolation' }));
    expect(host.inputsOf('embedded.consent')).toEqual([{ remember: true }]);
  });

  it('checks again, and leads on once bubblewrap works', async () => {
    const host = hostWith(askingEmbedded()).respond('embedded.start', readyEmbedded());
    const onFinished = vi.fn();
    renderSetup(host, { onFinished });
    await userEvent.click(await screen.findByRole('button', { name: 'Check again' }));
    await waitFor(() => expect(host.inputsOf('embedded.start')).toEqual([null]));
    act(() => host.emit('embedded.changed', readyEmbedded({ revision: 2 })));
    expect(screen.queryByRole('alert')).toBeNull();
    // The button that was pressed is gone.
    expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Open the workspace' }));
    await userEvent.keyboard('{Enter}');
    expect(onFinished).toHaveBeenCalledTimes(1);
  });

  it('goes on saying so while it runs, and promises no isolation', async () => {
    renderSetup(hostWith(readyEmbedded({ isolation: askingEmbedded().isolation, network: true })));
    expect(await screen.findByText('Running, not isolated')).toBeTruthy();
    expect(screen.getByText('Not isolated')).toBeTruthy();
    expect(screen.queryByRole('region', { name: 'Isolation' })).toBeNull();
    expect(screen.queryByRole('switch', { name: 'Network' })).toBeNull();
  });

  it('checks again by a restart while it runs, and asks before that ends something', async () => {
    const status = readyEmbedded({ isolation: askingEmbedded().isolation, network: true, running: 1 });
    const host = hostWith(status).respond('embedded.restart', readyEmbedded());
    renderSetup(host);
    await userEvent.click(await screen.findByRole('button', { name: 'Restart and check again' }));
    expect(host.inputsOf('embedded.restart')).toEqual([]);
    await userEvent.click(within(screen.getByRole('alertdialog')).getByRole('button', { name: 'Restart' }));
    expect(host.inputsOf('embedded.restart')).toEqual([null]);
  });
});

describe('the API of the embedded sandbox', () => {
  it('is off until the person switches it on', async () => {
    const host = hostWith(readyEmbedded()).respond('localApi.setEnabled', localApi({ state: 'preparing' }));
    renderSetup(host);
    const section = within(await screen.findByRole('region', { name: 'HTTP API' }));
    expect(section.queryByText(/127\.0\.0\.1/)).toBeNull();
    await userEvent.click(section.getByRole('switch', { name: 'HTTP API' }));
    expect(host.inputsOf('localApi.setEnabled')).toEqual([{ enabled: true }]);
    const progress = { step: 'Fetching fastapi', completed: 6, total: 30 };
    act(() => host.emit('localApi.changed', localApi({ revision: 2, state: 'preparing', progress })));
    expect(section.getByRole('progressbar').getAttribute('aria-valuetext')).toBe('6 of 30 packages');
  });

  it('shows its address, and the token only when it is asked for', async () => {
    const running = localApi({ state: 'running', address: 'http://127.0.0.1:8010', isolation: 'bubblewrap' });
    const token = 'f'.repeat(64);
    renderSetup(
      hostWith(readyEmbedded()).respond('localApi.status', running).respond('localApi.token', { token }),
    );
    const section = within(await screen.findByRole('region', { name: 'HTTP API' }));
    expect(await section.findByText('http://127.0.0.1:8010')).toBeTruthy();
    expect(section.queryByText(token)).toBeNull();
    await userEvent.click(section.getByRole('button', { name: 'Show the token' }));
    expect(await section.findByText(token)).toBeTruthy();
  });

  it('is not available without Python, says the repair, and can be tried again', async () => {
    const error: ErrorData = {
      code: 'unsupported',
      message: 'The API needs Python 3.11 or newer, and this computer has no Python.',
      details: {},
      repair: { text: 'Install it, then try again.', command: 'sudo apt install python3 python3-venv' },
      retryable: true,
    };
    const host = hostWith(readyEmbedded())
      .respond('localApi.status', localApi({ state: 'failed', error }))
      .respond('localApi.retry', localApi({ state: 'preparing' }));
    renderSetup(host);
    const section = within(await screen.findByRole('region', { name: 'HTTP API' }));
    expect(await section.findByText('Not available')).toBeTruthy();
    expect(section.getByText('sudo apt install python3 python3-venv')).toBeTruthy();
    await userEvent.click(section.getByRole('button', { name: 'Try again' }));
    expect(host.inputsOf('localApi.retry')).toHaveLength(1);
  });

  it('says plainly that its commands are not isolated', async () => {
    const running = localApi({ state: 'running', address: 'http://127.0.0.1:8010', isolation: 'none' });
    renderSetup(hostWith(readyEmbedded()).respond('localApi.status', running));
    expect(await screen.findByText('Its commands are not isolated')).toBeTruthy();
  });
});
