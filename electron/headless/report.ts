import type { DoorLink, DoorState, ErrorData } from '../contract';

/** A door that is open to browsers. */
export interface OpenedDoor extends Pick<DoorState, 'origin' | 'tunnelCommand'> {
  /** Null where what is said ends in a log that others may read: a token that signs in must not stand there. */
  readonly link: DoorLink | null;
}

/** What is said to whoever started this: sentences for people, or lines of JSON for programs. */
export interface Report {
  portTaken(port: number): void;
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
    open: (door) => {
      if (door.link) {
        link(door.link, door.tunnelCommand);
        say('Ctrl+C ends it. Another link: npm start -- --link');
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
    open: ({ link, origin, tunnelCommand }) =>
      say({
        type: 'open',
        way: 'browser',
        origin,
        url: link?.url ?? null,
        expiresAtMs: link?.expiresAtMs ?? null,
        tunnelCommand,
      }),
    link: ({ expiresAtMs, url }, tunnelCommand) => say({ type: 'link', url, expiresAtMs, tunnelCommand }),
    end: () => say({ type: 'end', exitCode: 0 }),
    fail: (data) => error(`${JSON.stringify({ error: data })}\n`),
  };
}
