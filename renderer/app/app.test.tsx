import { act, render, screen, waitFor, within, type RenderResult } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useEffect, useState } from 'react';
import { beforeEach, describe, expect, it } from 'vitest';
import { LmError, type SandboxStatus } from '../../electron/contract';
import { FakeHostClient } from '../client/fake-host-client';
import {
  absentSandbox,
  askingEmbedded,
  connectedEngine,
  healthySandbox,
  localApi,
  readyEmbedded,
  settingsState,
  unavailableEngine,
} from '../client/host-fixtures';
import { useCommands } from '../lib/commands';
import { usePaneVisible } from '../lib/pane-visibility';
import { PanelHeader } from '../ui';
import { App } from './app';

let mounts: string[] = [];
let ran: string[] = [];

/** A pane with a draft that would be lost if the pane were mounted anew. */
function TestPane({ name }: { readonly name: string }) {
  const [draft, setDraft] = useState('');
  const visible = usePaneVisible();
  useEffect(() => {
    mounts.push(name);
  }, [name]);
  return (
    <div>
      <PanelHeader title={name} pane />
      <textarea
        aria-label={`${name} draft`}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
      />
      <span>{`${name} is ${visible ? 'visible' : 'covered'}`}</span>
    </div>
  );
}

function CommandedPane() {
  useCommands([
    { id: 'chat.new', title: 'New conversation', group: 'Chat', run: () => ran.push('chat.new') },
  ]);
  return <TestPane name="chat" />;
}

const contents = {
  terminal: <TestPane name="terminal" />,
  chat: <CommandedPane />,
  dashboard: <TestPane name="dashboard" />,
  sandbox: <TestPane name="sandbox" />,
};

function hostWith(sandbox: SandboxStatus = healthySandbox()): FakeHostClient {
  return new FakeHostClient()
    .respond('engine.status', connectedEngine())
    .respond('sandbox.status', sandbox)
    .respond('settings.get', settingsState({ theme: 'dark' }))
    .onStreamOpened('image.watchBuildLog', (stream) =>
      stream.push({ kind: 'snapshot', build: null, logLines: [] }),
    );
}

/** The app, after the host's first answers have arrived. */
async function openApp(host: FakeHostClient): Promise<RenderResult> {
  const view = render(<App host={host} contents={contents} />);
  await screen.findByText('Docker 28.5.1');
  return view;
}

const pane = (name: string) => screen.queryByRole('region', { name });
const paneButton = (name: string) =>
  within(screen.getByRole('navigation', { name: 'Panes' })).getByRole('button', { name });

describe('the window', () => {
  beforeEach(() => {
    mounts = [];
    ran = [];
    localStorage.clear();
  });

  it('opens on the panes when there is a sandbox, in the theme of the settings', async () => {
    await openApp(hostWith());
    await screen.findByRole('region', { name: 'Terminal' });
    expect(pane('Chat')).toBeTruthy();
    expect(pane('Dashboard')).toBeTruthy();
    expect(pane('Sandbox')).toBeNull();
    expect(document.documentElement.dataset['theme']).toBe('dark');
    expect(document.title).toBe('lm-sandbox – Running');
  });

  it('leads through the set-up when there is none, and on to the panes when asked', async () => {
    await openApp(hostWith(absentSandbox()));
    await screen.findByRole('heading', { name: 'Set up the sandbox' });
    expect(pane('Terminal')).toBeNull();
    await userEvent.click(screen.getByRole('button', { name: 'Skip for now' }));
    expect(pane('Terminal')).toBeTruthy();
    expect(screen.getByText('There is no sandbox yet.')).toBeTruthy();
  });

  it('opens on the panes without an engine where the embedded sandbox is ready, and says where one is', async () => {
    const host = hostWith(absentSandbox())
      .respond('engine.status', unavailableEngine())
      .respond('settings.get', settingsState({ sandboxPlace: 'embedded' }))
      .respond('embedded.status', readyEmbedded())
      .respond('localApi.status', localApi());
    render(<App host={host} contents={contents} />);
    await screen.findByRole('region', { name: 'Terminal' });
    expect(screen.getByRole('button', { name: 'Embedded Running Network off' })).toBeTruthy();
    expect(document.title).toBe('lm-sandbox – Running');
    expect(screen.queryByText('Docker runs, but your user may not talk to it.')).toBeNull();
  });

  it('puts the question of isolation before the panes, and says it in one line where that is skipped', async () => {
    const host = hostWith(absentSandbox())
      .respond('settings.get', settingsState({ sandboxPlace: 'embedded' }))
      .respond('embedded.status', askingEmbedded())
      .respond('localApi.status', localApi());
    render(<App host={host} contents={contents} />);
    await screen.findByText('Not isolated');
    expect(pane('Terminal')).toBeNull();
    await userEvent.click(screen.getByRole('button', { name: 'Skip for now' }));
    expect(pane('Terminal')).toBeTruthy();
    expect(screen.getByText('Nothing isolates the embedded sandbox here.')).toBeTruthy();
  });

  it('does not take the panes away when the engine dies later, and says what happened', async () => {
    const host = hostWith();
    await openApp(host);
    await screen.findByRole('region', { name: 'Terminal' });
    act(() => host.emit('engine.changed', unavailableEngine()));
    expect(pane('Terminal')).toBeTruthy();
    expect(screen.getByText('Docker runs, but your user may not talk to it.')).toBeTruthy();
  });

  it('keeps a draft while its pane is covered by a maximised one, and tells it so', async () => {
    await openApp(hostWith());
    await userEvent.type(await screen.findByLabelText('chat draft'), 'half a question');
    await userEvent.click(screen.getByRole('button', { name: 'Maximise the terminal' }));
    expect(pane('Chat')).toBeNull();
    await userEvent.click(screen.getByRole('button', { name: 'Restore the terminal' }));
    expect(screen.getByLabelText<HTMLTextAreaElement>('chat draft').value).toBe('half a question');
    expect(mounts.filter((name) => name === 'chat')).toHaveLength(1);
    expect(screen.getByText('chat is visible')).toBeTruthy();
  });

  it('finds the layout again after a restart', async () => {
    const first = await openApp(hostWith());
    await screen.findByRole('region', { name: 'Chat' });
    await userEvent.click(screen.getByRole('button', { name: 'Hide the chat' }));
    first.unmount();
    await openApp(hostWith());
    await screen.findByRole('region', { name: 'Terminal' });
    expect(pane('Chat')).toBeNull();
    expect(paneButton('Chat').getAttribute('aria-pressed')).toBe('false');
  });

  it('moves between panes by keys, with the focus in what one types into', async () => {
    await openApp(hostWith());
    await screen.findByRole('region', { name: 'Terminal' });
    await userEvent.keyboard('{Control>}[Digit4]{/Control}');
    await waitFor(() => expect(pane('Sandbox')).toBeTruthy());
    await userEvent.keyboard('{Control>}[Digit1]{/Control}');
    expect(pane('Terminal')).toBeTruthy();
  });

  it('shows the palette by shortcut and runs what is chosen there', async () => {
    await openApp(hostWith());
    await screen.findByRole('region', { name: 'Terminal' });
    await userEvent.keyboard('{Control>}{Shift>}P{/Shift}{/Control}');
    await userEvent.type(await screen.findByPlaceholderText('Type what you want to do…'), 'new conv{Enter}');
    await waitFor(() => expect(ran).toEqual(['chat.new']));
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('runs what the native menu asks for, also in a pane that was hidden until then', async () => {
    const host = hostWith();
    localStorage.setItem(
      'lm-sandbox.layout',
      JSON.stringify({ version: 1, shown: ['terminal'], maximised: null, active: 'terminal', sizes: {} }),
    );
    await openApp(host);
    await screen.findByRole('region', { name: 'Terminal' });
    expect(mounts).toEqual(['terminal']);
    act(() => host.emit('app.commandInvoked', { command: 'chat.new' }));
    await waitFor(() => expect(ran).toEqual(['chat.new']));
    act(() => host.emit('app.commandInvoked', { command: 'view.dashboard' }));
    expect(pane('Dashboard')).toBeTruthy();
  });

  it('stops and starts the sandbox from the bar and leads from a refusal to the sandbox view', async () => {
    const host = hostWith().respond('sandbox.stop', healthySandbox({ phase: 'stopped', revision: 2 }));
    await openApp(host);
    await userEvent.click(await screen.findByRole('button', { name: 'Stop' }));
    act(() => host.emit('sandbox.changed', healthySandbox({ phase: 'stopped', revision: 2 })));
    host.respond('sandbox.start', new LmError('port_in_use', 'Port 8000 is taken.'));
    await userEvent.click(screen.getByRole('button', { name: 'Start' }));
    await screen.findByText('Port 8000 is taken.');
    await userEvent.click(screen.getByRole('button', { name: 'Show the sandbox' }));
    expect(pane('Sandbox')).toBeTruthy();
  });

  it('says that the connection is lost for as long as it is', async () => {
    const host = hostWith();
    await openApp(host);
    await screen.findByRole('region', { name: 'Terminal' });
    act(() => host.loseConnection());
    expect(screen.getByRole('alert').textContent).toContain('The connection to the host is lost');
    act(() => host.reconnect());
    await waitFor(() => expect(screen.queryByRole('alert')).toBeNull());
  });
});
