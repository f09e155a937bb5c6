import {
  LmError,
  maxFrameBytes,
  protocolVersion,
  toLmError,
  type EventDefinition,
  type MethodDefinition,
  type StreamDefinition,
  type StreamSink,
} from '../contract';
import { clientFrameSchema, type ClientFrame, type HostFrame } from './frames';
import { ServerStream } from './server-stream';
import { approximateSizeBytes } from './size';
import type { Transport } from './transport';

export interface ServerContract {
  readonly methods: Readonly<Record<string, MethodDefinition>>;
  readonly streams: Readonly<Record<string, StreamDefinition>>;
  readonly events: Readonly<Record<string, EventDefinition>>;
}

export interface ServerContext {
  readonly signal: AbortSignal;
  readonly connectionId: string;
}

export interface ServerRoutes {
  readonly methods: Readonly<Record<string, (input: never, context: ServerContext) => unknown>>;
  readonly streams: Readonly<
    Record<string, (input: never, sink: StreamSink<never>, context: ServerContext) => unknown>
  >;
}

export interface ServerConnection {
  publish(name: string, payload: unknown): void;
  close(): void;
}

const maxOpenCalls = 1_000;
const maxOpenStreams = 200;

/**
 * Serves one page over one transport: parses what it sends, runs routes, answers with results or errors as data.
 * `onUnexpected` gets what is not an LmError, for the host's log. With `checkOutput` results and chunks are parsed
 * with the contract too (tests); a mismatch is then an `internal` error.
 */
export function serveConnection(options: {
  readonly contract: ServerContract;
  readonly routes: ServerRoutes;
  readonly transport: Transport;
  readonly connectionId: string;
  readonly onUnexpected: (error: unknown, where: string) => void;
  readonly onClosed?: () => void;
  readonly checkOutput?: boolean;
}): ServerConnection {
  const { contract, routes, transport, connectionId } = options;
  const calls = new Map<number, AbortController>();
  const streams = new Map<number, ServerStream>();
  let closed = false;

  const send = (frame: HostFrame) => {
    if (!closed) transport.send(frame);
  };
  const failure = (id: number, error: unknown, where: string) => {
    const known = toLmError(error);
    if (known.code === 'internal') options.onUnexpected(error, where);
    send({ type: 'failure', id, error: known.data });
  };

  const parseInput = (definition: MethodDefinition | StreamDefinition, input: unknown): unknown => {
    const parsed = definition.input.safeParse(input);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new LmError(
      'invalid_input',
      issue ? `${issue.path.join('.') || 'input'}: ${issue.message}` : 'Invalid input',
    );
  };

  const call = async (frame: Extract<ClientFrame, { type: 'call' }>) => {
    const definition = Object.hasOwn(contract.methods, frame.method)
      ? contract.methods[frame.method]
      : undefined;
    const route = Object.hasOwn(routes.methods, frame.method) ? routes.methods[frame.method] : undefined;
    if (!definition || !route) throw new LmError('unsupported', `There is no method ${frame.method}.`);
    if (calls.has(frame.id) || streams.has(frame.id))
      throw new LmError('invalid_input', 'This id is in use.');
    if (calls.size >= maxOpenCalls)
      throw new LmError('too_many', 'Too many calls are open.', { retryable: true });
    const input = parseInput(definition, frame.input);
    const abort = new AbortController();
    calls.set(frame.id, abort);
    try {
      const value = await route(input as never, { signal: abort.signal, connectionId });
      send({
        type: 'result',
        id: frame.id,
        value: options.checkOutput ? definition.output.parse(value) : value,
      });
    } finally {
      calls.delete(frame.id);
    }
  };

  const open = async (frame: Extract<ClientFrame, { type: 'open' }>) => {
    const definition = Object.hasOwn(contract.streams, frame.stream)
      ? contract.streams[frame.stream]
      : undefined;
    const route = Object.hasOwn(routes.streams, frame.stream) ? routes.streams[frame.stream] : undefined;
    if (!definition || !route) throw new LmError('unsupported', `There is no stream ${frame.stream}.`);
    if (calls.has(frame.id) || streams.has(frame.id))
      throw new LmError('invalid_input', 'This id is in use.');
    if (streams.size >= maxOpenStreams)
      throw new LmError('too_many', 'Too many streams are open.', { retryable: true });
    const input = parseInput(definition, frame.input);
    const sendChecked = (out: HostFrame) => {
      if (options.checkOutput && out.type === 'chunk') definition.chunk.parse(out.chunk);
      send(out);
    };
    const serverStream = new ServerStream(frame.id, definition, frame.windowBytes, sendChecked, () =>
      streams.delete(frame.id),
    );
    streams.set(frame.id, serverStream);
    try {
      await route(input as never, serverStream, {
        signal: serverStream.signal,
        connectionId,
      });
    } catch (error) {
      const known = toLmError(error);
      if (known.code === 'internal') options.onUnexpected(error, frame.stream);
      serverStream.fail(known);
    }
  };

  transport.onFrame((raw) => {
    const parsed = clientFrameSchema.safeParse(raw);
    if (!parsed.success || approximateSizeBytes(raw) > maxFrameBytes) {
      options.onUnexpected(
        new Error('A frame could not be read or is too large; the connection is closed.'),
        'frame',
      );
      transport.close();
      return;
    }
    const frame = parsed.data;
    switch (frame.type) {
      case 'call':
        call(frame).catch((error: unknown) => failure(frame.id, error, frame.method));
        break;
      case 'cancel':
        calls.get(frame.id)?.abort();
        break;
      case 'open':
        open(frame).catch((error: unknown) => failure(frame.id, error, frame.stream));
        break;
      case 'credit':
        streams.get(frame.id)?.credit(frame.bytes);
        break;
      case 'close':
        streams.get(frame.id)?.cancel();
        break;
    }
  });

  transport.onClose(() => {
    if (closed) return;
    closed = true;
    for (const abort of calls.values()) abort.abort();
    calls.clear();
    for (const serverStream of [...streams.values()]) serverStream.cancel();
    options.onClosed?.();
  });

  send({ type: 'welcome', protocolVersion, connectionId });

  return {
    publish: (name, payload) => {
      if (options.checkOutput) contract.events[name]?.payload.parse(payload);
      send({ type: 'event', name, payload });
    },
    close: () => transport.close(),
  };
}
