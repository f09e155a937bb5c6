import { chmod, open, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { LmError, maxFrameBytes } from '../../contract';
import type { Transport } from '../../rpc/transport';
import { PageSocket, socketLimits } from '../door/page-socket';
import { frameProtocol, frameStreamTransport } from './frame-stream';
import { connectLocalHost } from './local-client';

/** Linux keeps 108 bytes for the path of a socket, the zero at its end included. */
const maxPathBytes = 107;
/** A start that is cut off between two steps leaves its note; after this it counts as gone. */
const noteStaleMs = 10_000;
const noteAttempts = 50;
const noteIntervalMs = 100;

/** Another host has this data folder. */
export class LocalDoorOccupied extends Error {
  constructor(readonly socketPath: string) {
    super(`Another lm-sandbox host runs for ${path.dirname(socketPath)}.`);
    this.name = 'LocalDoorOccupied';
  }
}

export interface LocalDoor {
  close(): Promise<void>;
}

/** The socket by which programs of the same user reach the host of a data folder. */
export function localDoorPath(dataFolder: string): string {
  return path.join(dataFolder, 'host.sock');
}

/**
 * Opens the socket of a data folder, for its owner only, and so claims the folder: two hosts would write over each
 * other's files. A socket that a killed host left behind is taken over.
 * @throws LocalDoorOccupied when a host answers there; LmError where no socket can be made.
 */
export async function openLocalDoor(
  dataFolder: string,
  connect: (transport: Transport, connectionId: string) => void,
): Promise<LocalDoor> {
  const socketPath = localDoorPath(dataFolder);
  if (Buffer.byteLength(socketPath) > maxPathBytes) {
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
  server.on('upgrade', (request, stream: Duplex, head) => {
    stream.on('error', () => stream.destroy());
    if (request.headers.upgrade === frameProtocol) {
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      stream.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${frameProtocol}\r\n\r\n`,
      );
      connect(frameStreamTransport(stream, head), nextId());
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      socket.on('error', () => socket.terminate());
      connect(new PageSocket(socket, socketLimits), nextId());
    });
  });
  await claim(server, socketPath);
  // The folder is the owner's only, too; this holds where somebody has opened it.
  await chmod(socketPath, 0o600);
  let closing: Promise<void> | null = null;
  return {
    close: () => {
      closing ??= new Promise((resolve) => {
        for (const socket of sockets.clients) socket.terminate();
        for (const stream of streams) stream.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

/** One start at a time looks whether the socket is in use, and takes it when it is not. */
async function claim(server: Server, socketPath: string): Promise<void> {
  const release = await takeNote(`${socketPath}.starting`);
  try {
    if (await answers(socketPath)) throw new LocalDoorOccupied(socketPath);
    await rm(socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          new LmError('storage_failed', `No socket can be made at ${socketPath} (${error.code ?? ''}).`, {
            repair: { text: 'Check the permissions of the folder.' },
            cause: error,
          }),
        ),
      );
      server.listen(socketPath, resolve);
    });
  } finally {
    await release();
  }
}

async function answers(socketPath: string): Promise<boolean> {
  const transport = await connectLocalHost(socketPath);
  transport?.close();
  return transport !== null;
}

/** A file that only one process can make at a time. */
async function takeNote(notePath: string): Promise<() => Promise<void>> {
  for (let attempt = 0; attempt < noteAttempts; attempt += 1) {
    try {
      const note = await open(notePath, 'wx', 0o600);
      await note.writeFile(String(process.pid));
      await note.close();
      return () => rm(notePath, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
        throw new LmError('storage_failed', `Could not write ${notePath}.`, {
          repair: { text: 'Check the permissions of the folder.' },
          cause: error,
        });
      }
    }
    if (await isStale(notePath)) await rm(notePath, { force: true });
    else await new Promise((resolve) => setTimeout(resolve, noteIntervalMs));
  }
  throw new LocalDoorOccupied(notePath);
}

async function isStale(notePath: string): Promise<boolean> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(notePath, 'utf8'), stat(notePath)]);
    return Date.now() - mtimeMs > noteStaleMs || (text !== '' && !isAlive(Number(text)));
  } catch {
    // Its owner has just taken it away.
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
