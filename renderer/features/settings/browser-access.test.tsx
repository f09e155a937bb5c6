import { render, screen, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { LmError, type DoorState } from '../../../electron/contract';
import { FakeHostClient } from '../../client/fake-host-client';
import { HostProvider } from '../../client/host-context';
import { BrowserAccess } from './browser-access';
import { describeAgent } from './describe-agent';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const nowMs = Date.now();

function door(changes: Partial<DoorState> = {}): DoorState {
  return {
    revision: 1,
    state: 'open',
    origin: 'http://127.0.0.1:7410',
    tunnelCommand: 'ssh -N -L 7410:127.0.0.1:7410 ada@box',
    switchable: true,
    error: null,
    sessions: [
      {
        id: 'one',
        createdAtMs: nowMs - 86_400_000,
        lastSeenAtMs: nowMs - 300_000,
        address: '127.0.0.1',
        agent: firefox,
        connectedPages: 0,
      },
      {
        id: 'two',
        createdAtMs: nowMs - 60_000,
        lastSeenAtMs: nowMs,
        address: '10.0.0.7',
        agent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15',
        connectedPages: 1,
      },
    ],
    ...changes,
  };
}

async function show(state: DoorState, ownSession: string | null = null) {
  const host = new FakeHostClient()
    .respond('door.status', state)
    .respond('door.own', { sessionId: ownSession })
    .respond('door.setOpen', state)
    .respond('door.revoke', null)
    .respond('door.createLink', {
      url: 'http://127.0.0.1:7410/sign-in#token=abc',
      expiresAtMs: nowMs + 600_000,
    });
  render(
    <HostProvider value={host}>
      <BrowserAccess />
    </HostProvider>,
  );
  await screen.findByRole('region', { name: 'Browsers that are signed in' });
  return host;
}

const rows = () => screen.getAllByRole('listitem');

describe('browser access', () => {
  it('lists the browsers with when and where they were seen, and signs one out', async () => {
    const host = await show(door(), 'two');
    expect(rows()[0]!.textContent).toMatch(/Firefox on Linux.*last seen 5 minutes ago from 127\.0\.0\.1/);
    expect(rows()[1]!.textContent).toMatch(/Safari on macOS.*this browser.*connected now from 10\.0\.0\.7/);
    await userEvent.click(screen.getByRole('button', { name: 'Sign out Firefox on Linux' }));
    expect(host.inputsOf('door.revoke')).toEqual([{ sessionId: 'one' }]);
  });

  it('follows the host', async () => {
    const host = await show(door());
    host.emit('door.changed', door({ revision: 2, sessions: [] }));
    expect(await screen.findByText('None.')).toBeDefined();
  });

  it('makes a one-time link, and says how long it lives and how it is reached from afar', async () => {
    await show(door());
    expect(screen.getByText('ssh -N -L 7410:127.0.0.1:7410 ada@box')).toBeDefined();
    await userEvent.click(screen.getByRole('button', { name: 'New one-time link' }));
    const part = within(screen.getByRole('region', { name: 'One-time link' }));
    expect(await part.findByText('http://127.0.0.1:7410/sign-in#token=abc')).toBeDefined();
    expect(part.getByText(/Works once, for another (10 min|9 min 59 s)/)).toBeDefined();
  });

  it('is switched on and off in a desktop window, and says why it could not be', async () => {
    const host = await show(door({ state: 'closed', sessions: [] }));
    expect(screen.queryByRole('button', { name: 'New one-time link' })).toBeNull();
    host.respond('door.setOpen', () => {
      throw new LmError('port_in_use', 'Port 7410 of 127.0.0.1 is in use.');
    });
    await userEvent.click(screen.getByRole('switch', { name: 'Let browsers in' }));
    expect(host.inputsOf('door.setOpen')).toEqual([{ open: true }]);
    expect((await screen.findByRole('alert')).textContent).toContain('Port 7410');
  });

  it('has no switch where the host is there for browsers only', async () => {
    await show(door({ switchable: false }));
    expect(screen.queryByRole('switch')).toBeNull();
    expect(screen.getByText(/serves browsers for as long as it runs/)).toBeDefined();
  });
});

it.each([
  [firefox, 'Firefox on Linux'],
  [
    'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/139.0 Safari/537.36 Edg/139.0',
    'Edge on Windows',
  ],
  [
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/139.0 Mobile Safari/537.36',
    'Chrome on Android',
  ],
  ['curl/8', 'A browser'],
  ['', 'A browser'],
])('“%s” is shown as %s', (agent, expected) => {
  expect(describeAgent(agent)).toBe(expected);
});
