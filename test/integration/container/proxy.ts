import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A door to an engine's socket that can misbehave as networks and dying engines do. */
export interface EngineProxy {
  readonly host: string;
  /** Ends all open connections in an orderly way. */
  closeConnections(): void;
  /** From now on nothing passes, on open and on new connections, and nothing is ended. */
  goSilent(): void;
  /** Everything passes again; what was held back is lost, as its connections are. */
  recover(): void;
  readonly connectionCount: () => number;
  close(): Promise<void>;
}

export async function startProxy(path: string, target: string): Promise<EngineProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let silent = false;
  const server: Server = createServer((client) => {
    client.on('error', () => client.destroy());
    if (silent) {
      // Accepted and never answered.
      const pair = [client, client] as const;
      pairs.add(pair);
      client.on('close', () => pairs.delete(pair)).resume();
      return;
    }
    const engine = connect(target);
    const pair = [client, engine] as const;
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      engine.destroy();
    };
    client.on('data', (data) => !silent && engine.write(data));
    engine.on('data', (data) => !silent && client.write(data));
    client.on('close', () => !silent && end());
    engine.on('close', () => !silent && end());
    engine.on('error', () => !silent && end());
  });
  await rm(path, { force: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const closeAll = () => {
    for (const [client, engine] of pairs) {
      client.end();
      engine.destroy();
    }
    pairs.clear();
  };
  return {
    host: `unix://${path}`,
    closeConnections: closeAll,
    goSilent: () => {
      silent = true;
    },
    recover: () => {
      silent = false;
      closeAll();
    },
    connectionCount: () => pairs.size,
    close: async () => {
      for (const [client, engine] of pairs) {
        client.destroy();
        engine.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
      await rm(path, { force: true });
    },
  };
}
