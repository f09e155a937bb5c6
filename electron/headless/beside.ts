import { LmError, type DoorState, type HostNeed } from '../contract';
import { describeNeeds } from './hand-over';
import { localDoorPath, localHostClient, type LocalHostClient } from './local';
import { isLogged, type Report } from './report';

export interface BesideDeps {
  readonly dataFolder: string;
  readonly neededBy: readonly HostNeed[];
  readonly report: Report;
}

/**
 * Lets browsers in at the host that runs in the background, which goes on with what it does, and holds its door open
 * until a signal comes. Resolves with false when that host has ended before it could be asked.
 */
export async function serveBeside({ dataFolder, neededBy, report }: BesideDeps): Promise<boolean> {
  const local = await localHostClient(localDoorPath(dataFolder));
  if (!local) return false;
  const door = await hold(local.client);
  if (door === null) return false;
  report.beside(describeNeeds(neededBy));
  const link = isLogged(process.env) ? null : await local.client.call('door.createLink', null);
  const { origin, tunnelCommand } = door.state;
  report.open({ origin, tunnelCommand, link, background: true });
  const lost = await Promise.race([door.lost, untilSignal()]);
  if (lost) throw lost;
  // Before this ends, so that whoever starts the next one finds it closed.
  await local.client.call('door.setOpen', { open: false });
  local.close();
  report.end();
  return true;
}

interface HeldDoor {
  readonly state: DoorState;
  /** Resolves with why it is open no longer. */
  readonly lost: Promise<LmError>;
}

/** Resolves with null when the host was lost before the door was open. */
function hold(client: LocalHostClient['client']): Promise<HeldDoor | null> {
  return new Promise((resolve, reject) => {
    const lost = new Promise<LmError>((tell) => {
      client.onConnectionChanged((state) => {
        if (state !== 'lost') return;
        resolve(null);
        tell(gone('The lm-sandbox host in the background has ended, and its browser door with it.'));
      });
      const failed = (error: LmError) => {
        reject(error);
        tell(error);
      };
      client.watch('door.hold', null, {
        onChunk: (state, consumed) => {
          consumed();
          resolve({ state, lost });
        },
        onEnd: () => failed(gone('The browser door was closed by a page.')),
        onError: failed,
      });
    });
  });
}

function gone(message: string): LmError {
  return new LmError('disconnected', message, {
    repair: { text: 'Open it again.', command: 'npm start -- --serve' },
    retryable: true,
  });
}

function untilSignal(): Promise<null> {
  return new Promise((resolve) => {
    let before = false;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(signal, () => {
        // A second one is from somebody who does not want to wait.
        if (before) process.exit(1);
        before = true;
        resolve(null);
      });
    }
  });
}
