import { LmError, type DoorSession, type DoorState } from '../../electron/contract';
import { SettingsDialog } from '../../renderer/features/settings';
import type { GalleryCase } from './case';
import { minutesAgo, settingsState } from './fixtures';
import { Clicks, healthyHost, withHost } from './support';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const safari =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1';

function session(id: string, changes: Partial<DoorSession> = {}): DoorSession {
  return {
    id,
    createdAtMs: minutesAgo(60 * 24),
    lastSeenAtMs: minutesAgo(0),
    address: '127.0.0.1',
    agent: firefox,
    connectedPages: 1,
    ...changes,
  };
}

const sessions = [
  session('own'),
  session('phone', { agent: safari, address: '2001:db8:85a3::8a2e:370:7334', connectedPages: 0 }),
  session('old', { agent: 'curl/8.5.0', connectedPages: 0, lastSeenAtMs: minutesAgo(60 * 24 * 11) }),
];

function door(changes: Partial<DoorState> = {}): DoorState {
  return {
    revision: 1,
    state: 'open',
    origin: 'http://127.0.0.1:7410',
    tunnelCommand: 'ssh -N -L 7410:127.0.0.1:7410 ada@gpu-box.example.org',
    switchable: true,
    error: null,
    sessions,
    ...changes,
  };
}

function browserAccess(name: string, state: DoorState, ...clicks: readonly string[]): GalleryCase {
  return {
    name: `Settings/${name}`,
    render: () =>
      withHost(
        healthyHost()
          .respond('door.status', state)
          .respond('door.own', { sessionId: 'own' })
          .respond('door.createLink', {
            url: `http://127.0.0.1:7410/sign-in#token=${'q3Zk0-_aB'.repeat(5)}`,
            expiresAtMs: Date.now() + 599_000,
          }),
        <Clicks names={['Browser access', ...clicks]}>
          <SettingsDialog open onOpenChange={() => undefined} />
        </Clicks>,
      ),
  };
}

export const settingsCases: readonly GalleryCase[] = [
  {
    name: 'Settings/dialog',
    render: () => withHost(healthyHost(), <SettingsDialog open onOpenChange={() => undefined} />),
  },
  {
    name: 'Settings/sandbox',
    render: () =>
      withHost(
        healthyHost(),
        <Clicks names={['Sandbox']}>
          <SettingsDialog open onOpenChange={() => undefined} />
        </Clicks>,
      ),
  },
  {
    name: 'Settings/unreadable file',
    render: () =>
      withHost(
        healthyHost().respond('settings.get', {
          ...settingsState(),
          error: new LmError(
            'storage_corrupt',
            'The settings file could not be read; the last good copy is used.',
          ).data,
        }),
        <SettingsDialog open onOpenChange={() => undefined} />,
      ),
  },
  browserAccess('browsers let in', door()),
  browserAccess('a one-time link', door({ switchable: false }), 'New one-time link'),
  browserAccess('no browser yet', door({ sessions: [] })),
  browserAccess(
    'door shut by another program',
    door({
      ...{ state: 'closed', origin: null, tunnelCommand: null, sessions: [] },
      error: {
        code: 'port_in_use',
        message: 'Port 7410 of this computer is taken by another program.',
        details: { port: 7410 },
        repair: { text: 'End that program, then switch this on again.', command: 'ss -ltnp sport = :7410' },
        retryable: true,
      },
    }),
  ),
];
