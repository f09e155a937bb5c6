import { connect } from 'node:net';
import path from 'node:path';
import type {
  ErrorData,
  EventName,
  EventPayload,
  MethodInput,
  MethodName,
  MethodOutput,
  StreamChunk,
  StreamInput,
  StreamName,
} from '../../contract';
import { protocolVersion } from '../../contract/protocol-version';
import type { Transport } from '../../rpc/transport';
import { windowMarks } from '../../rpc/window';
import { frameProtocol, frameStreamTransport } from '../local/frame-stream';
import { CliFailure, failure } from './failure';

const answerLimitMs = 10_000;
const maxAnswerHeadBytes = 16 * 1024;

export interface LinkStreamHandlers<N extends StreamName> {
  /** Call `consumed` once the chunk was dealt with: only then the host sends on. */
  readonly onChunk: (chunk: StreamChunk<N>, consumed: () => void) => void;
  readonly onEnd: () => void;
  readonly onError: (error: CliFailure) => void;
}

/** One connection to the host: as `RpcClient`, without its schemas (which take longer to load than a command runs). */
export interface HostLink {
  call<N extends MethodName>(name: N, input: MethodInput<N>): Promise<MethodOutput<N>>;
  watch<N extends StreamName>(
    name: N,
    input: StreamInput<N>,
    windowBytes: number,
    handlers: LinkStreamHandlers<N>,
  ): { close(): void };
  on<N extends EventName>(name: N, listener: (payload: EventPayload<N>) => void): void;
  close(): void;
}

/**
 * Resolves with null when no host listens for the data folder.
 * @throws CliFailure when one of another version does, or one that says nothing within `limitMs` for either of its two
 * first words.
 */
export async function connectHost(dataFolder: string, limitMs = answerLimitMs): Promise<HostLink | null> {
  const transport = await open(path.join(dataFolder, 'host.sock'), limitMs);
  if (!transport) return null;
  const link = new Link(transport, limitMs);
  return (await link.welcomed) ? link : null;
}

function open(socketPath: string, limitMs: number): Promise<Transport | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    // The system takes connections for a process that is stopped, or busy without an end, too.
    const timer = setTimeout(() => {
      reject(silentHost());
      socket.destroy();
    }, limitMs);
    let head: Buffer = Buffer.alloc(0);
    const giveUp = () => {
      clearTimeout(timer);
      resolve(null);
    };
    socket.once('error', giveUp);
    socket.once('close', giveUp);
    socket.once('connect', () =>
      socket.write(
        `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${frameProtocol}\r\n\r\n`,
      ),
    );
    const read = (bytes: Buffer) => {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1 && head.byteLength < maxAnswerHeadBytes) return;
      socket.off('data', read);
      if (!head.subarray(0, 32).includes(' 101 ')) {
        socket.destroy();
        return;
      }
      clearTimeout(timer);
      resolve(frameStreamTransport(socket, head.subarray(end + 4)));
    };
    socket.on('data', read);
  });
}

interface OpenStream {
  readonly handlers: LinkStreamHandlers<StreamName>;
  readonly quantumBytes: number;
  uncreditedBytes: number;
}

interface Call {
  readonly resolve: (value: never) => void;
  readonly reject: (error: CliFailure) => void;
}

class Link implements HostLink {
  /** Resolves with false when the connection ends before the host's first word. */
  readonly welcomed: Promise<boolean>;
  private nextId = 1;
  private readonly calls = new Map<number, Call>();
  private readonly streams = new Map<number, OpenStream>();
  private readonly listeners = new Map<string, ((payload: never) => void)[]>();
  private welcome: (outcome: boolean) => void = () => undefined;
  private refuse: (error: CliFailure) => void = () => undefined;

  constructor(
    private readonly transport: Transport,
    limitMs: number,
  ) {
    this.welcomed = new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(silentHost());
        transport.close();
      }, limitMs);
      this.welcome = (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      };
      this.refuse = (error) => {
        clearTimeout(timer);
        reject(error);
      };
    });
    transport.onFrame((frame) => this.receive(frame));
    transport.onClose(() => this.lost());
  }

  call<N extends MethodName>(name: N, input: MethodInput<N>): Promise<MethodOutput<N>> {
    return new Promise<MethodOutput<N>>((resolve, reject) => {
      const id = this.nextId++;
      this.calls.set(id, { resolve, reject });
      this.transport.send({ type: 'call', id, method: name, input });
    });
  }

  watch<N extends StreamName>(
    name: N,
    input: StreamInput<N>,
    windowBytes: number,
    handlers: LinkStreamHandlers<N>,
  ): { close(): void } {
    const id = this.nextId++;
    const { creditQuantumBytes } = windowMarks(windowBytes);
    this.streams.set(id, { handlers, quantumBytes: creditQuantumBytes, uncreditedBytes: 0 });
    this.transport.send({ type: 'open', id, stream: name, input, windowBytes });
    return {
      close: () => {
        if (this.streams.delete(id)) this.transport.send({ type: 'close', id });
      },
    };
  }

  on<N extends EventName>(name: N, listener: (payload: EventPayload<N>) => void): void {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }

  close(): void {
    this.transport.close();
  }

  /** The host is of the same user and checkout; what does not have the form of a frame is passed over. */
  private receive(frame: unknown): void {
    const id = field(frame, 'id');
    const known = typeof id === 'number' ? id : -1;
    switch (field(frame, 'type')) {
      case 'welcome':
        if (field(frame, 'protocolVersion') === protocolVersion) this.welcome(true);
        else this.refuse(otherVersion());
        break;
      case 'result':
        this.takeCall(known)?.resolve(field(frame, 'value') as never);
        break;
      case 'failure': {
        const error = new CliFailure(field(frame, 'error') as ErrorData);
        const call = this.takeCall(known);
        if (call) call.reject(error);
        else this.takeStream(known)?.handlers.onError(error);
        break;
      }
      case 'chunk':
        this.receiveChunk(known, field(frame, 'chunk') as never, Number(field(frame, 'sizeBytes')));
        break;
      case 'end':
        this.takeStream(known)?.handlers.onEnd();
        break;
      case 'event':
        for (const listener of this.listeners.get(String(field(frame, 'name'))) ?? []) {
          listener(field(frame, 'payload') as never);
        }
    }
  }

  private receiveChunk(id: number, chunk: never, sizeBytes: number): void {
    const stream = this.streams.get(id);
    stream?.handlers.onChunk(chunk, () => {
      stream.uncreditedBytes += sizeBytes;
      if (stream.uncreditedBytes < stream.quantumBytes || this.streams.get(id) !== stream) return;
      this.transport.send({ type: 'credit', id, bytes: stream.uncreditedBytes });
      stream.uncreditedBytes = 0;
    });
  }

  private takeCall(id: number): Call | undefined {
    const call = this.calls.get(id);
    this.calls.delete(id);
    return call;
  }

  private takeStream(id: number): OpenStream | undefined {
    const stream = this.streams.get(id);
    this.streams.delete(id);
    return stream;
  }

  private lost(): void {
    this.welcome(false);
    const error = failure('disconnected', 'The connection to the lm-sandbox host was lost.', {
      text: 'It has ended, or was ended. Try again; it is started anew.',
    });
    for (const call of this.calls.values()) call.reject(error);
    this.calls.clear();
    for (const stream of this.streams.values()) stream.handlers.onError(error);
    this.streams.clear();
  }
}

function field(frame: unknown, name: string): unknown {
  return typeof frame === 'object' && frame !== null ? Reflect.get(frame, name) : undefined;
}

function silentHost(): CliFailure {
  return failure('timeout', 'The lm-sandbox host of this data folder does not answer.', {
    text: 'It may be stopped (Ctrl+Z) or busy. Let it go on, or end it (the app, or the program it runs in), then try again.',
  });
}

function otherVersion(): CliFailure {
  return failure('unsupported', 'A host of another version of lm-sandbox runs for this data folder.', {
    text: 'Quit it (the app, or the program it runs in), then try again.',
  });
}
