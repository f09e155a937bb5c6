import { randomBytes } from 'node:crypto';
import { chmod, link, readdir, rename, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { LmError, maxFrameBytes } from '../../contract';
import type { Transport } from '../../rpc/transport';
import { PageSocket, socketLimits } from '../door/page-socket';
import { frameProtocol, frameStreamTransport } from './frame-stream';
import { clientOver, findLocalHost, leavingStatus, type LocalHostClient } from './local-client';

/** Linux keeps 108 bytes for the path of a socket, the zero at its end included. */
const maxPathBytes = 107;
const highestNumber = 9_999_999_999;
/** How long a host that has its number may take to be found by its name, too. */
const namedWithinMs = 1_000;
/** A host that ends closes its files within this, or is cut off. */
const leaveLimitMs = 15_000;
const lookEveryMs = 20;
/** One that has just started says so once it has opened its files. */
const welcomeLimitMs = 5_000;

/** Another host has this data folder. */
export class LocalDoorOccupied extends Error {
  constructor(readonly socketPath: string) {
    super(`Another lm-sandbox host runs for ${path.dirname(socketPath)}.`);
    this.name = 'LocalDoorOccupied';
  }
}

export interface LocalDoor {
  /** Takes nobody on any more. Who is connected stays, and so does the claim: the files of the folder are still open. */
  leave(): void;
  /** Cuts off who is connected, and lets the folder go. */
  close(): Promise<void>;
}

/** Asks the host that has a data folder to end. Resolves with false where it stays. */
export type AskToLeave = (host: LocalHostClient['client']) => Promise<boolean>;

/** The socket by which programs of the same user reach the host of a data folder. */
export function localDoorPath(dataFolder: string): string {
  return path.join(dataFolder, 'host.sock');
}

/**
 * Opens the socket of a data folder, for its owner only, and so claims the folder: two hosts would write over each
 * other's files. A socket that a killed host left behind is taken over; one that is ending is waited for. With
 * `askToLeave` the host that has the folder is asked to end.
 * @throws LocalDoorOccupied when a host listens there; LmError where no socket can be made.
 */
export async function openLocalDoor(
  dataFolder: string,
  onConnection: (transport: Transport, connectionId: string) => void,
  askToLeave: AskToLeave | null = null,
): Promise<LocalDoor> {
  const socketPath = localDoorPath(dataFolder);
  if (Buffer.byteLength(claimPath(socketPath, highestNumber)) > maxPathBytes) {
    throw new LmError('invalid_input', `The path ${socketPath} is too long for a socket.`, {
      repair: {
        text: 'Choose a data folder with a shorter path.',
        command: 'npm start -- --data-folder DIR',
      },
    });
  }
  const server = createServer((_request, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
  });
  const streams = new Set<Duplex>();
  let nextConnection = 1;
  const nextId = () => `local-${nextConnection++}`;
  let leaving = false;
  server.on('upgrade', (request, stream: Duplex, head) => {
    stream.on('error', () => stream.destroy());
    if (leaving) {
      stream.end(
        `HTTP/1.1 ${leavingStatus} Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      return;
    }
    if (request.headers.upgrade === frameProtocol) {
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      stream.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${frameProtocol}\r\n\r\n`,
      );
      onConnection(frameStreamTransport(stream, head), nextId());
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      socket.on('error', () => socket.terminate());
      onConnection(new PageSocket(socket, socketLimits), nextId());
    });
  });
  const release = await claim(server, socketPath, askToLeave);
  let closing: Promise<void> | null = null;
  return {
    leave: () => {
      leaving = true;
    },
    close: () => {
      leaving = true;
      closing ??= new Promise((resolve) => {
        for (const socket of sockets.clients) socket.terminate();
        for (const stream of streams) stream.destroy();
        const stop = () => {
          server.close(() => resolve());
          server.closeAllConnections();
        };
        // While it is open, no other file has its number. A name that cannot be taken away is taken over later.
        release().then(stop, stop);
      });
      return closing;
    },
  };
}

/**
 * Makes the server listen at `socketPath`, as the one host of the folder. Each host that there ever was has a number,
 * and a name with it (`host.7`) for the very socket it listens at. Who wants to be the next looks whether the
 * last one still lives, and takes the number behind it, which the file system gives to one alone. Nothing has to be
 * locked or to be cleaned up by who may be killed at any moment.
 * @returns What takes the socket's name away, as far as it is still this host's.
 */
async function claim(
  server: Server,
  socketPath: string,
  askToLeave: AskToLeave | null,
): Promise<() => Promise<void>> {
  // Closing a server takes away the name that it was opened with: one of its own, and no longer than the final one.
  const ownPath = path.join(path.dirname(socketPath), `h-${randomBytes(3).toString('hex')}`);
  await listen(server, ownPath);
  try {
    // The folder is the owner's only, too; this holds where somebody has opened it.
    await chmod(ownPath, 0o600);
    const { ino } = await stat(ownPath);
    const number = await takeNumber(ownPath, socketPath, askToLeave);
    await rename(ownPath, socketPath);
    for (const older of (await claims(socketPath)).filter((each) => each < number)) {
      await rm(claimPath(socketPath, older), { force: true });
    }
    return async () => {
      const now = await stat(socketPath).catch(() => null);
      if (now?.ino === ino) await rm(socketPath, { force: true });
    };
  } catch (error) {
    await new Promise<void>((resolve) => server.close(() => resolve()));
    if (error instanceof LocalDoorOccupied) throw error;
    throw notMade(socketPath, error);
  }
}

async function takeNumber(
  ownPath: string,
  socketPath: string,
  askToLeave: AskToLeave | null,
): Promise<number> {
  for (;;) {
    const last = Math.max(0, ...(await claims(socketPath)));
    await waitForRoom(socketPath, claimPath(socketPath, last), askToLeave);
    const next = claimPath(socketPath, last + 1);
    try {
      await link(ownPath, next);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') continue;
      throw error;
    }
    // Whoever was so slow that its number had been taken, left and cleared away finds a higher one.
    if (Math.max(...(await claims(socketPath))) === last + 1) return last + 1;
    await rm(next, { force: true });
  }
}

/** Resolves when no process listens there. A host of an earlier version has a name only. */
async function waitForRoom(
  socketPath: string,
  lastClaimPath: string,
  askToLeave: AskToLeave | null,
): Promise<void> {
  const deadline = Date.now() + leaveLimitMs;
  let silentSinceMs: number | null = null;
  while ((await isListenedAt(lastClaimPath)) || (await isListenedAt(socketPath))) {
    const askedAtMs = Date.now();
    const found = await findLocalHost(socketPath);
    if (found === 'none') {
      // It has not its name yet, or no longer. Who is second shall find the first; one that was stopped is not waited for.
      silentSinceMs ??= askedAtMs;
      if (Date.now() - silentSinceMs > namedWithinMs) throw new LocalDoorOccupied(socketPath);
    } else {
      silentSinceMs = null;
      if (found !== 'leaving' && !(await leavesWhenAsked(found, askToLeave))) {
        throw new LocalDoorOccupied(socketPath);
      }
    }
    if (Date.now() > deadline) throw new LocalDoorOccupied(socketPath);
    await delay(lookEveryMs);
  }
}

/** Over the connection by which it was found: one more would be one that it is needed by. */
async function leavesWhenAsked(found: Transport, askToLeave: AskToLeave | null): Promise<boolean> {
  const limit = setTimeout(() => found.close(), welcomeLimitMs);
  try {
    const host = askToLeave && (await clientOver(found));
    clearTimeout(limit);
    return host !== null && askToLeave !== null && (await askToLeave(host.client));
  } finally {
    clearTimeout(limit);
    found.close();
  }
}

/** The numbers that have a name. The highest is never taken away, so that none is given twice. */
async function claims(socketPath: string): Promise<number[]> {
  const names = await readdir(path.dirname(socketPath));
  return names.flatMap((name) => {
    const [, number] = /^host\.(\d{1,10})$/.exec(name) ?? [];
    return number === undefined ? [] : [Number(number)];
  });
}

function claimPath(socketPath: string, number: number): string {
  return path.join(path.dirname(socketPath), `host.${number}`);
}

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(notMade(socketPath, error));
    server.once('error', fail);
    server.listen(socketPath, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function notMade(socketPath: string, error: unknown): LmError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new LmError('storage_failed', `No socket can be made at ${socketPath} (${code}).`, {
    repair: { text: 'Check the permissions of the folder.' },
    cause: error,
  });
}

/**
 * Whether a process listens there. One that does not answer counts, too: a host that was stopped (Ctrl+Z) goes on
 * with the same files later.
 */
function isListenedAt(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // The kernel refuses a connection to a socket whose process has gone; too many that wait (EAGAIN) have one.
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'));
  });
}
