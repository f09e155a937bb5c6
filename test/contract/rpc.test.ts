import { afterEach, describe, expect, it } from 'vitest';
import {
  LmError,
  contract,
  maxFrameBytes,
  type StreamSink,
  type TerminalChunk,
} from '../../electron/contract';
import { RpcClient } from '../../electron/rpc/client';
import { createMemoryTransportPair } from '../../electron/rpc/transports/memory';
import { serveConnection, type ServerConnection, type ServerRoutes } from '../../electron/rpc/server';
import { transportKinds, type TransportPair } from './transports';

interface Rig {
  readonly client: RpcClient;
  readonly server: ServerConnection;
  readonly pair: TransportPair;
  readonly unexpected: unknown[];
}

const open: Rig[] = [];
afterEach(async () => {
  for (const rig of open.splice(0)) await rig.pair.dispose();
});

async function connect(
  makePair: () => Promise<TransportPair>,
  routes: { methods?: ServerRoutes['methods']; streams?: ServerRoutes['streams'] },
): Promise<Rig> {
  const pair = await makePair();
  const unexpected: unknown[] = [];
  const client = new RpcClient();
  const connected = new Promise<void>((resolve) => {
    client.onConnectionChanged((state) => {
      if (state === 'connected') resolve();
    });
  });
  client.attach(pair.page);
  const server = serveConnection({
    contract,
    routes: { methods: routes.methods ?? {}, streams: routes.streams ?? {} },
    transport: pair.host,
    connectionId: 'test',
    onUnexpected: (error) => unexpected.push(error),
    checkOutput: true,
  });
  await connected;
  const rig = { client, server, pair, unexpected };
  open.push(rig);
  return rig;
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof LmError ? error.code : String(error)),
  );

/** A promise and its lever. */
function lever<T = void>(): { promise: Promise<T>; pull: (value: T) => void } {
  let pull: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    pull = resolve;
  });
  return { promise, pull };
}

const hostDescription = {
  appVersion: '1',
  nodeVersion: '20',
  platform: 'linux',
  architecture: 'x64',
  hostname: 'box',
  dataFolder: '/data',
  door: 'test',
};

describe.each(Object.entries(transportKinds))('rpc over %s', (_name, makePair) => {
  it('answers a call with its result', async () => {
    const { client } = await connect(makePair, { methods: { 'host.describe': () => hostDescription } });
    expect(await client.call('host.describe', null)).toEqual(hostDescription);
  });

  it('carries an expected failure as data, with its details and repair', async () => {
    const failure = new LmError('port_in_use', 'Port 8000 is taken.', {
      details: { port: 8000 },
      repair: { text: 'Stop it.', command: 'docker stop x' },
      retryable: true,
    });
    const { client, unexpected } = await connect(makePair, {
      methods: {
        'sandbox.start': () => {
          throw failure;
        },
      },
    });
    const error: unknown = await client.call('sandbox.start', null).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(LmError);
    expect((error as LmError).data).toEqual(failure.data);
    expect(unexpected).toEqual([]);
  });

  it('answers an unexpected failure as internal and reports it to the host', async () => {
    const { client, unexpected } = await connect(makePair, {
      methods: {
        'host.describe': () => {
          throw new TypeError('a bug');
        },
      },
    });
    expect(await codeOf(client.call('host.describe', null))).toBe('internal');
    expect(unexpected).toHaveLength(1);
  });

  it('refuses input that breaks the schema before any route runs', async () => {
    let ran = false;
    const { client } = await connect(makePair, {
      methods: {
        'terminal.open': () => {
          ran = true;
        },
      },
    });
    expect(await codeOf(client.call('terminal.open', { columns: 1_000_000, rows: -1 }))).toBe(
      'invalid_input',
    );
    expect(ran).toBe(false);
  });

  it('answers an unknown method and an unknown stream with an error at once', async () => {
    const { client } = await connect(makePair, {});
    expect(await codeOf(client.call('host.describe', null))).toBe('unsupported');
    const ended = lever<string>();
    client.watch('logs.watch', null, {
      onChunk: () => undefined,
      onError: (error) => ended.pull(error.code),
    });
    expect(await ended.promise).toBe('unsupported');
  });

  it('does not take names of Object.prototype for methods', async () => {
    const [page, host] = createMemoryTransportPair();
    const answers: unknown[] = [];
    const answered = lever();
    page.onFrame((frame) => {
      answers.push(frame);
      if (answers.length === 3) answered.pull();
    });
    serveConnection({
      contract,
      routes: { methods: {}, streams: {} },
      transport: host,
      connectionId: 'raw',
      onUnexpected: () => undefined,
    });
    page.send({ type: 'call', id: 1, method: 'constructor', input: null });
    page.send({ type: 'open', id: 2, stream: '__proto__', input: null, windowBytes: 100 });
    await answered.promise;
    expect(answers.slice(1)).toMatchObject([
      { type: 'failure', id: 1, error: { code: 'unsupported' } },
      { type: 'failure', id: 2, error: { code: 'unsupported' } },
    ]);
  });

  it('cancels the work of a call whose caller gave up', async () => {
    const aborted = lever();
    const { client } = await connect(makePair, {
      methods: {
        'host.describe': (_input: never, context: { signal: AbortSignal }) =>
          new Promise((resolve) => {
            context.signal.addEventListener('abort', () => {
              aborted.pull();
              resolve(hostDescription);
            });
          }),
      },
    });
    const abort = new AbortController();
    const call = codeOf(client.call('host.describe', null, { signal: abort.signal }));
    abort.abort();
    expect(await call).toBe('cancelled');
    await aborted.promise;
  });

  it('sends bytes untouched in both directions', async () => {
    const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);
    const received = lever<Uint8Array>();
    const { client } = await connect(makePair, {
      methods: {
        'terminal.write': (input: { data: Uint8Array }) => {
          received.pull(input.data);
          return null;
        },
      },
      streams: {
        'terminal.attach': (_input: never, sink: StreamSink<TerminalChunk>) => {
          // A view into a larger buffer, as sockets hand them out.
          const pool = new Uint8Array(4096);
          pool.set(everyByte, 1000);
          sink.send({ kind: 'data', bytes: pool.subarray(1000, 1256), sequence: 256 });
          sink.end();
        },
      },
    });
    await client.call('terminal.write', { id: 'a', data: everyByte });
    expect([...(await received.promise)]).toEqual([...everyByte]);

    const chunk = lever<TerminalChunk>();
    client.watch('terminal.attach', { id: 'a' }, { onChunk: (value) => chunk.pull(value) });
    const value = await chunk.promise;
    expect(value.kind === 'data' && [...value.bytes]).toEqual([...everyByte]);
  });

  it('pauses a producer at its window and lets it go on when the consumer has consumed, losing nothing', async () => {
    const total = 200;
    const size = 16 * 1024;
    let highWater = 0;
    const { client } = await connect(makePair, {
      streams: {
        'terminal.attach': (_input: never, sink: StreamSink<TerminalChunk>) => {
          let sent = 0;
          const produce = () => {
            while (sink.writable && sent < total) {
              sent += 1;
              sink.send({ kind: 'data', bytes: new Uint8Array(size).fill(sent % 251), sequence: sent });
              highWater = Math.max(highWater, sink.pendingBytes);
            }
            if (sent === total) sink.end();
          };
          sink.onWritable(produce);
          produce();
        },
      },
    });
    const sequences: number[] = [];
    const waiting: (() => void)[] = [];
    const ended = lever();
    client.watch(
      'terminal.attach',
      { id: 'a' },
      {
        onChunk: (chunk, consumed) => {
          if (chunk.kind === 'data') sequences.push(chunk.sequence);
          waiting.push(consumed);
          if (waiting.length >= 5) for (const done of waiting.splice(0)) done();
        },
        onEnd: () => ended.pull(),
      },
    );
    await ended.promise;
    expect(sequences).toEqual(Array.from({ length: total }, (_, index) => index + 1));
    expect(highWater).toBeLessThanOrEqual(contract.streams['terminal.attach'].windowBytes + size + 1024);
  });

  it('stops for good a producer whose consumer never consumes, without holding up another stream', async () => {
    const produced: Record<string, number> = { a: 0, b: 0 };
    const { client } = await connect(makePair, {
      streams: {
        'terminal.attach': ({ id }: { id: string }, sink: StreamSink<TerminalChunk>) => {
          const produce = () => {
            for (let count = 0; count < 1_000 && sink.writable; count += 1) {
              produced[id] = (produced[id] ?? 0) + 1;
              sink.send({ kind: 'data', bytes: new Uint8Array(8192), sequence: count });
            }
          };
          sink.onWritable(produce);
          produce();
        },
      },
    });
    client.watch('terminal.attach', { id: 'a' }, { onChunk: () => undefined });
    const enough = lever();
    let seen = 0;
    client.watch(
      'terminal.attach',
      { id: 'b' },
      {
        onChunk: (_chunk, consumed) => {
          consumed();
          seen += 1;
          if (seen === 300) enough.pull();
        },
      },
    );
    await enough.promise;
    expect(produced['a']).toBeLessThanOrEqual(contract.streams['terminal.attach'].windowBytes / 8192 + 1);
  });

  it('drops the oldest chunks of a bounded stream and marks the gap with their count', async () => {
    const release = lever();
    const { client } = await connect(makePair, {
      streams: {
        'logs.watch': (_input: never, sink: StreamSink<unknown>) => {
          for (let sequence = 0; sequence < 500; sequence += 1) {
            const text = `${sequence} ${'x'.repeat(20_000)}`;
            sink.send({
              kind: 'lines',
              replace: false,
              lines: [{ sequence, timeMs: null, source: 'stdout', text }],
            });
          }
          release.pull();
        },
      },
    });
    const consumers: (() => void)[] = [];
    const gap = lever<number>();
    const kept: number[] = [];
    client.watch('logs.watch', null, {
      onChunk: (chunk, consumed) => {
        if (chunk.kind === 'gap') gap.pull(chunk.droppedChunks);
        if (chunk.kind === 'lines') kept.push(chunk.lines[0]!.sequence);
        consumers.push(consumed);
        if (kept.length > 50) for (const done of consumers.splice(0)) done();
      },
    });
    await release.promise;
    const dropped = await gap.promise;
    expect(dropped).toBeGreaterThan(300);
    expect(kept[0]).toBe(0);
  });

  it('tells the producer when the consumer closes the stream', async () => {
    const aborted = lever();
    const { client } = await connect(makePair, {
      streams: {
        'terminal.attach': (_input: never, sink: StreamSink<TerminalChunk>) => {
          sink.signal.addEventListener('abort', () => aborted.pull());
        },
      },
    });
    client.watch('terminal.attach', { id: 'a' }, { onChunk: () => undefined }).close();
    await aborted.promise;
  });

  it('rejects calls in flight when the connection is lost, and opens streams again on the next one', async () => {
    let opened = 0;
    const routes = {
      methods: { 'host.describe': () => new Promise(() => undefined) },
      streams: {
        'terminal.attach': ((_input: never, sink: StreamSink<TerminalChunk>) => {
          opened += 1;
          sink.send({ kind: 'snapshot', screen: `connection ${opened}`, columns: 80, rows: 24, sequence: 0 });
        }) as never,
      },
    };
    const { client, server } = await connect(makePair, routes);
    const screens: string[] = [];
    const first = lever();
    const second = lever();
    client.watch(
      'terminal.attach',
      { id: 'a' },
      {
        onChunk: (chunk) => {
          if (chunk.kind === 'snapshot') screens.push(chunk.screen);
          if (screens.length === 1) first.pull();
          if (screens.length === 2) second.pull();
        },
      },
    );
    await first.promise;
    const call = codeOf(client.call('host.describe', null));
    const lost = lever();
    client.onConnectionChanged((state) => {
      if (state === 'lost') lost.pull();
    });
    server.close();
    expect(await call).toBe('disconnected');
    await lost.promise;
    expect(await codeOf(client.call('host.describe', null))).toBe('disconnected');

    const pair = await makePair();
    client.attach(pair.page);
    serveConnection({
      contract,
      routes,
      transport: pair.host,
      connectionId: 'again',
      onUnexpected: () => undefined,
    });
    await second.promise;
    expect(screens).toEqual(['connection 1', 'connection 2']);
    await pair.dispose();
  });

  it('closes a connection that sends what is no frame', async () => {
    const { pair, unexpected } = await connect(makePair, {});
    const closed = lever();
    pair.page.onClose(() => closed.pull());
    pair.page.send({ type: 'no such frame' });
    await closed.promise;
    expect(unexpected).toHaveLength(1);
  });

  it('closes a connection that sends a frame over the limit', async () => {
    const { pair } = await connect(makePair, {});
    const closed = lever();
    pair.page.onClose(() => closed.pull());
    const input = { id: 'a', data: new Uint8Array(maxFrameBytes) };
    pair.page.send({ type: 'call', id: 1, method: 'terminal.write', input });
    await closed.promise;
  });

  it('delivers events to every listener until it stops listening', async () => {
    const { client, server } = await connect(makePair, {});
    const seen: number[] = [];
    const second = lever();
    const stop = client.on('terminal.changed', ({ revision }) => seen.push(revision));
    client.on('terminal.changed', ({ revision }) => {
      if (revision === 2) second.pull();
    });
    server.publish('terminal.changed', { revision: 1, terminals: [] });
    await new Promise<void>((resolve) => {
      const off = client.on('terminal.changed', () => {
        off();
        stop();
        resolve();
      });
    });
    server.publish('terminal.changed', { revision: 2, terminals: [] });
    await second.promise;
    expect(seen).toEqual([1]);
  });
});
