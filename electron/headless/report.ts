import type { DoorLink, DoorState, ErrorData } from '../contract';

/** A door that is open to browsers. */
export interface OpenedDoor extends Pick<DoorState, 'origin' | 'tunnelCommand'> {
  /** Null where what is said ends in a log that others may read: a token that signs in must not stand there. */
  readonly link: DoorLink | null;
  /** The host runs in the background, and goes on when this ends. */
  readonly background: boolean;
}

/**
 * Whether what is said ends in a log that others may read and that is kept: systemd's journal. A token that signs
 * in must not stand there.
 */
export function isLogged(env: NodeJS.ProcessEnv): boolean {
  return env['JOURNAL_STREAM'] !== undefined && !process.stdout.isTTY;
}

/** What is said to whoever started this: sentences for people, or lines of JSON for programs. */
export interface Report {
  portTaken(port: number): void;
  /** Browsers are let in at a host in the background that is needed by what `needs` tells. */
  beside(needs: string): void;
  open(door: OpenedDoor): void;
  link(link: DoorLink, tunnelCommand: string | null): void;
  /** Last, when it ends as it should. */
  end(): void;
  fail(error: ErrorData): void;
}

export interface Streams {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

export function textReport({ out, error }: Streams): Report {
  const say = (text: string) => out(`${text}\n`);
  const link = ({ expiresAtMs, url }: DoorLink, tunnelCommand: string | null) => {
    const minutes = Math.round((expiresAtMs - Date.now()) / 60_000);
    say(`Open this address in a browser; it works once, within ${minutes} minutes:\n\n  ${url}\n`);
    if (tunnelCommand !== null) {
      say(`From another computer, run this there first, and leave it running:\n\n  ${tunnelCommand}\n`);
    }
  };
  return {
    portTaken: (port) => say(`Port ${port} is in use, so another one is taken this time.`),
    beside: (needs) =>
      say(`A host in the background has this data folder, for ${needs}; browsers are let in there.`),
    open: (door) => {
      if (door.link) {
        link(door.link, door.tunnelCommand);
        const end = door.background ? 'Ctrl+C closes the door; what runs goes on.' : 'Ctrl+C ends it.';
        say(`${end} Another link: npm start -- --link`);
      } else {
        say(`lm-sandbox is open to browsers at ${door.origin ?? ''}.`);
        say('To sign one in, ask for a link on this computer: npm start -- --link');
      }
    },
    link,
    end: () => undefined,
    fail: ({ message, repair }) => {
      const help = repair ? ` ${repair.text}${repair.command ? ` (${repair.command})` : ''}` : '';
      error(`${message}${help}\n`);
    },
  };
}

/** As the other verbs of lm-sandbox; docs/cli.md promises these fields. */
export function jsonReport({ out, error }: Streams): Report {
  const say = (value: unknown) => out(`${JSON.stringify(value)}\n`);
  return {
    // The origin tells.
    portTaken: () => undefined,
    beside: (needs) => error(`· a host in the background has this data folder, for ${needs}\n`),
    open: ({ background, link, origin, tunnelCommand }) =>
      say({
        type: 'open',
        way: 'browser',
        origin,
        url: link?.url ?? null,
        expiresAtMs: link?.expiresAtMs ?? null,
        tunnelCommand,
        background,
      }),
    link: ({ expiresAtMs, url }, tunnelCommand) => say({ type: 'link', url, expiresAtMs, tunnelCommand }),
    end: () => say({ type: 'end', exitCode: 0 }),
    fail: (data) => error(`${JSON.stringify({ error: data })}\n`),
  };
}
