import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import type { DockerConnectionProvider } from '../../../electron/adapters/docker/connection';
import type { StreamSink } from '../../../electron/contract';
import { ensureBaseImage } from '../../support/base-image.mjs';
import type { Engine } from '../../support/engine.mjs';

export function connectTo(engine: Engine): DockerConnectionProvider {
  const docker = new Docker({ socketPath: engine.socketPath, version: `v${engine.apiVersion}` });
  const endpoint = { url: engine.host, origin: 'setting' as const, label: engine.name };
  return () => ({ docker, endpoint, apiVersion: engine.apiVersion });
}

export interface TestContainer {
  readonly id: string;
  /** Runs a command in it and gives its standard output. */
  exec(...command: readonly string[]): Promise<string>;
  /** Starts a command in it and does not wait. */
  execDetached(...command: readonly string[]): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

export async function runContainer(
  engine: Engine,
  options: { readonly arguments?: readonly string[]; readonly command?: readonly string[] } = {},
): Promise<TestContainer> {
  const image = await ensureBaseImage(engine);
  const command = options.command ?? ['sleep', 'infinity'];
  const docker = async (...args: readonly string[]) => (await engine.docker(args)).stdout;
  const started = await docker('run', '--detach', '--init', ...(options.arguments ?? []), image, ...command);
  const id = started.trim();
  return {
    id,
    exec: (...program) => docker('exec', id, ...program),
    execDetached: async (...program) => {
      await docker('exec', '--detach', id, ...program);
    },
    stop: async () => {
      await docker('stop', '--time', '1', id);
    },
    start: async () => {
      await docker('start', id);
    },
    remove: async () => {
      await docker('rm', '--force', id);
    },
  };
}

/** A way to the engine that a test can cut: both ends of every connection are closed at once. */
export async function openWay(engineSocket: string): Promise<{ socketPath: string; cut(): void }> {
  const folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-way-'));
  const socketPath = join(folder, 'engine.sock');
  const sockets = new Set<Socket>();
  const server = createServer((page) => {
    const engine = connect(engineSocket);
    for (const socket of [page, engine]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    page.pipe(engine).pipe(page);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    cut: () => {
      server.close(() => void rm(folder, { recursive: true, force: true }));
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A page that keeps up, and waits for what it is sent. */
export class CollectingSink<Chunk> implements StreamSink<Chunk> {
  readonly chunks: Chunk[] = [];
  readonly writable = true;
  readonly pendingBytes = 0;
  private readonly closing = new AbortController();
  private readonly waiting = new Set<() => void>();

  get signal(): AbortSignal {
    return this.closing.signal;
  }

  send(chunk: Chunk): void {
    this.chunks.push(chunk);
    for (const look of [...this.waiting]) look();
  }

  onWritable(): void {
    // Never fires: this page always keeps up.
  }

  end(): void {
    this.closing.abort();
  }

  fail(): void {
    this.closing.abort();
  }

  /** What `find` makes of the chunks so far, as soon as it finds something. The test's time-out is the limit. */
  until<Found>(find: (chunks: readonly Chunk[]) => Found | null | undefined | false): Promise<Found> {
    return new Promise((resolve) => {
      const look = () => {
        const found = find(this.chunks);
        if (found === null || found === undefined || found === false) return;
        this.waiting.delete(look);
        resolve(found);
      };
      this.waiting.add(look);
      look();
    });
  }
}
