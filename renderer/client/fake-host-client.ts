import {
  LmError,
  toLmError,
  type EventName,
  type EventPayload,
  type MethodInput,
  type MethodName,
  type MethodOutput,
  type StreamChunk,
  type StreamInput,
  type StreamName,
} from '../../electron/contract';
import type {
  ConnectionState,
  HostClient,
  OpenStream,
  StreamHandlers,
} from '../../electron/rpc/client-types';

type Responder<N extends MethodName> = (
  input: MethodInput<N>,
  signal: AbortSignal | undefined,
) => MethodOutput<N> | Promise<MethodOutput<N>>;

export interface RecordedCall<N extends MethodName = MethodName> {
  readonly name: N;
  readonly input: MethodInput<N>;
}

/** One stream the page holds open, with the levers of its producer. */
export interface FakeStream<N extends StreamName> {
  readonly input: StreamInput<N>;
  readonly closed: boolean;
  /** Chunks the page has not yet reported as consumed. */
  readonly unconsumed: number;
  push(chunk: StreamChunk<N>): void;
  end(): void;
  fail(error: LmError): void;
}

class OpenFakeStream<N extends StreamName> implements FakeStream<N> {
  closed = false;
  unconsumed = 0;

  constructor(
    readonly name: N,
    readonly input: StreamInput<N>,
    private readonly handlers: StreamHandlers<N>,
  ) {}

  push(chunk: StreamChunk<N>): void {
    if (this.closed) throw new Error(`The page has closed ${this.name}.`);
    this.unconsumed += 1;
    let consumed = false;
    this.handlers.onChunk(chunk, () => {
      if (consumed) throw new Error(`The page consumed one chunk of ${this.name} twice.`);
      consumed = true;
      this.unconsumed -= 1;
    });
  }

  end(): void {
    this.closed = true;
    this.handlers.onEnd?.();
  }

  fail(error: LmError): void {
    this.closed = true;
    this.handlers.onError?.(error);
  }
}

/**
 * A host without a host, for component tests and the gallery.
 *
 * `respond` sets how a method answers (a value, a function, or an LmError to reject with); an unanswered method
 * stays pending, as against a slow host. `emit` fires an event. `streams(name)` gives the open streams of a name.
 * `loseConnection` and `reconnect` do what a transport does: pending calls fail with `disconnected`, later ones at
 * once, and open streams begin anew: `onStreamOpened` is asked again for their first chunk.
 */
export class FakeHostClient implements HostClient {
  readonly calls: RecordedCall[] = [];
  connectionState: ConnectionState = 'connected';

  private readonly responders = new Map<
    MethodName,
    (input: never, signal: AbortSignal | undefined) => unknown
  >();
  private readonly openers = new Map<StreamName, (stream: never) => void>();
  private readonly listeners = new Map<EventName, Set<(payload: never) => void>>();
  private readonly connectionListeners = new Set<(state: ConnectionState) => void>();
  private readonly openStreams = new Set<OpenFakeStream<StreamName>>();
  private readonly pendingRejections = new Set<(error: LmError) => void>();

  respond<N extends MethodName>(name: N, answer: MethodOutput<N> | LmError | Responder<N>): this {
    this.responders.set(name, (input: MethodInput<N>, signal) => {
      if (answer instanceof LmError) throw answer;
      return isResponder<N>(answer) ? answer(input, signal) : answer;
    });
    return this;
  }

  /** Called with each newly opened stream of that name, also after a reconnect: the place to push a snapshot. */
  onStreamOpened<N extends StreamName>(name: N, opened: (stream: FakeStream<N>) => void): this {
    this.openers.set(name, opened);
    return this;
  }

  emit<N extends EventName>(name: N, payload: EventPayload<N>): void {
    for (const listener of [...(this.listeners.get(name) ?? [])]) {
      (listener as (payload: EventPayload<N>) => void)(payload);
    }
  }

  streams<N extends StreamName>(name: N): readonly FakeStream<N>[] {
    return [...this.openStreams].filter(
      (stream): stream is OpenFakeStream<N> & OpenFakeStream<StreamName> =>
        stream.name === name && !stream.closed,
    );
  }

  /** The inputs a method was called with, oldest first. */
  inputsOf<N extends MethodName>(name: N): readonly MethodInput<N>[] {
    return this.calls
      .filter((call): call is RecordedCall<N> & RecordedCall => call.name === name)
      .map((call) => call.input);
  }

  loseConnection(): void {
    this.setConnection('lost');
    for (const reject of [...this.pendingRejections]) reject(disconnected());
  }

  reconnect(): void {
    this.setConnection('connected');
    for (const stream of [...this.openStreams]) if (!stream.closed) this.opened(stream);
  }

  call<N extends MethodName>(
    name: N,
    input: MethodInput<N>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<MethodOutput<N>> {
    this.calls.push({ name, input });
    if (this.connectionState !== 'connected') return Promise.reject(disconnected());
    return new Promise<MethodOutput<N>>((resolve, reject) => {
      const settle = () => this.pendingRejections.delete(reject);
      this.pendingRejections.add(reject);
      options?.signal?.addEventListener('abort', () => {
        settle();
        reject(new LmError('cancelled', 'The call was cancelled.'));
      });
      const responder = this.responders.get(name) as Responder<N> | undefined;
      if (!responder) return;
      new Promise<MethodOutput<N>>((answer) => answer(responder(input, options?.signal))).then(
        (output) => {
          settle();
          resolve(output);
        },
        (error: unknown) => {
          settle();
          reject(toLmError(error));
        },
      );
    });
  }

  watch<N extends StreamName>(name: N, input: StreamInput<N>, handlers: StreamHandlers<N>): OpenStream {
    const stream = new OpenFakeStream(name, input, handlers);
    const held = stream as unknown as OpenFakeStream<StreamName>;
    this.openStreams.add(held);
    // As with a real transport, the first chunk never comes before `watch` has returned.
    if (this.connectionState === 'connected') queueMicrotask(() => !stream.closed && this.opened(held));
    return {
      close: () => {
        stream.closed = true;
        this.openStreams.delete(held);
      },
    };
  }

  on<N extends EventName>(name: N, listener: (payload: EventPayload<N>) => void): () => void {
    const listeners = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  onConnectionChanged(listener: (state: ConnectionState) => void): () => void {
    this.connectionListeners.add(listener);
    return () => this.connectionListeners.delete(listener);
  }

  /** Listeners and streams still held: a test of an unmounted component expects zero. */
  get heldCount(): number {
    const listeners = [...this.listeners.values()].reduce((sum, set) => sum + set.size, 0);
    return listeners + this.connectionListeners.size + [...this.openStreams].filter((s) => !s.closed).length;
  }

  private opened(stream: OpenFakeStream<StreamName>): void {
    const opener = this.openers.get(stream.name) as ((stream: FakeStream<StreamName>) => void) | undefined;
    opener?.(stream);
  }

  private setConnection(state: ConnectionState): void {
    this.connectionState = state;
    for (const listener of [...this.connectionListeners]) listener(state);
  }
}

function isResponder<N extends MethodName>(answer: MethodOutput<N> | Responder<N>): answer is Responder<N> {
  return typeof answer === 'function';
}

function disconnected(): LmError {
  return new LmError('disconnected', 'The connection to the host is lost.', { retryable: true });
}
