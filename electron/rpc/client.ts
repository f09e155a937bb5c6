import {
  LmError,
  contract,
  protocolVersion,
  type EventName,
  type EventPayload,
  type MethodInput,
  type MethodName,
  type MethodOutput,
  type StreamInput,
  type StreamName,
} from '../contract';
import type { ConnectionState, HostClient, OpenStream, StreamHandlers } from './client-types';
import { hostFrameSchema, type ClientFrame } from './frames';
import type { Transport } from './transport';
import { windowMarks } from './window';

interface PendingCall {
  resolve(value: unknown): void;
  reject(error: LmError): void;
}

interface WatchedStream {
  readonly name: StreamName;
  readonly input: unknown;
  readonly handlers: StreamHandlers<StreamName>;
  readonly windowBytes: number;
  readonly creditQuantumBytes: number;
  /** Id on the current connection; null while there is none. */
  id: number | null;
  uncreditedBytes: number;
}

const disconnected = () =>
  new LmError('disconnected', 'The connection to the sandbox host was lost.', {
    retryable: true,
    repair: { text: 'It is being restored; try again in a moment.' },
  });

/**
 * A HostClient that outlives its connections: `attach` gives it a new transport, open streams are opened again and
 * begin with their snapshot; calls in flight are rejected, since nobody knows whether they were done.
 */
export class RpcClient implements HostClient {
  private transport: Transport | null = null;
  private state: ConnectionState = 'connecting';
  private nextId = 1;
  private readonly calls = new Map<number, PendingCall>();
  private readonly watched = new Set<WatchedStream>();
  private readonly openById = new Map<number, WatchedStream>();
  private readonly eventListeners = new Map<string, Set<(payload: unknown) => void>>();
  private readonly stateListeners = new Set<(state: ConnectionState) => void>();

  get connectionState(): ConnectionState {
    return this.state;
  }

  attach(transport: Transport): void {
    const previous = this.transport;
    this.transport = transport;
    if (previous) {
      this.abandonConnection();
      previous.close();
    }
    transport.onClose(() => {
      if (this.transport !== transport) return;
      this.transport = null;
      this.abandonConnection();
      this.setState('lost');
    });
    transport.onFrame((raw) => {
      if (this.transport === transport) this.receive(raw);
    });
  }

  /** The host is known to be gone though the transport did not say so. */
  markLost(): void {
    this.transport?.close();
  }

  call<N extends MethodName>(
    name: N,
    input: MethodInput<N>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<MethodOutput<N>> {
    const definition = contract.methods[name];
    return new Promise<MethodOutput<N>>((resolve, reject) => {
      if (this.state !== 'connected') {
        reject(disconnected());
        return;
      }
      if (options.signal?.aborted) {
        reject(new LmError('cancelled', 'Cancelled.'));
        return;
      }
      const id = this.nextId++;
      let timer: ReturnType<typeof setTimeout> | null = null;
      const settle = () => {
        this.calls.delete(id);
        if (timer !== null) clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
      };
      const giveUp = (error: LmError) => {
        settle();
        this.send({ type: 'cancel', id });
        reject(error);
      };
      const onAbort = () => giveUp(new LmError('cancelled', 'Cancelled.'));
      options.signal?.addEventListener('abort', onAbort);
      if (definition.timeoutMs !== null) {
        timer = setTimeout(
          () =>
            giveUp(
              new LmError('timeout', `${name} took longer than ${String(definition.timeoutMs)} ms.`, {
                retryable: true,
              }),
            ),
          definition.timeoutMs,
        );
      }
      this.calls.set(id, {
        resolve: (value) => {
          settle();
          resolve(value as MethodOutput<N>);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      this.send({ type: 'call', id, method: name, input });
    });
  }

  watch<N extends StreamName>(name: N, input: StreamInput<N>, handlers: StreamHandlers<N>): OpenStream {
    const windowBytes = contract.streams[name].windowBytes;
    const entry: WatchedStream = {
      name,
      input,
      handlers: handlers,
      windowBytes,
      creditQuantumBytes: windowMarks(windowBytes).creditQuantumBytes,
      id: null,
      uncreditedBytes: 0,
    };
    this.watched.add(entry);
    if (this.state === 'connected') this.openStream(entry);
    return {
      close: () => {
        if (!this.watched.delete(entry) || entry.id === null) return;
        this.openById.delete(entry.id);
        this.send({ type: 'close', id: entry.id });
      },
    };
  }

  on<N extends EventName>(name: N, listener: (payload: EventPayload<N>) => void): () => void {
    const listeners = this.eventListeners.get(name) ?? new Set();
    this.eventListeners.set(name, listeners);
    const plain = listener as (payload: unknown) => void;
    listeners.add(plain);
    return () => listeners.delete(plain);
  }

  onConnectionChanged(listener: (state: ConnectionState) => void): () => void {
    this.stateListeners.add(listener);
    return () => this.stateListeners.delete(listener);
  }

  private openStream(entry: WatchedStream): void {
    entry.id = this.nextId++;
    entry.uncreditedBytes = 0;
    this.openById.set(entry.id, entry);
    this.send({
      type: 'open',
      id: entry.id,
      stream: entry.name,
      input: entry.input,
      windowBytes: entry.windowBytes,
    });
  }

  private receive(raw: unknown): void {
    const parsed = hostFrameSchema.safeParse(raw);
    if (!parsed.success) {
      this.transport?.close();
      return;
    }
    const frame = parsed.data;
    switch (frame.type) {
      case 'welcome':
        if (frame.protocolVersion !== protocolVersion) {
          this.transport?.close();
          return;
        }
        this.setState('connected');
        for (const entry of this.watched) if (entry.id === null) this.openStream(entry);
        break;
      case 'result':
        this.calls.get(frame.id)?.resolve(frame.value);
        break;
      case 'failure': {
        const call = this.calls.get(frame.id);
        if (call) {
          call.reject(LmError.fromData(frame.error));
          break;
        }
        const entry = this.takeStream(frame.id);
        entry?.handlers.onError?.(LmError.fromData(frame.error));
        break;
      }
      case 'chunk':
        this.receiveChunk(frame.id, frame.chunk, frame.sizeBytes);
        break;
      case 'end':
        this.takeStream(frame.id)?.handlers.onEnd?.();
        break;
      case 'event':
        for (const listener of this.eventListeners.get(frame.name) ?? []) listener(frame.payload);
        break;
    }
  }

  private receiveChunk(id: number, chunk: unknown, sizeBytes: number): void {
    const entry = this.openById.get(id);
    if (!entry) return;
    let done = false;
    const consumed = () => {
      if (done) return;
      done = true;
      if (entry.id !== id) return;
      entry.uncreditedBytes += sizeBytes;
      if (entry.uncreditedBytes < entry.creditQuantumBytes) return;
      this.send({ type: 'credit', id, bytes: entry.uncreditedBytes });
      entry.uncreditedBytes = 0;
    };
    entry.handlers.onChunk(chunk as never, consumed);
  }

  private takeStream(id: number): WatchedStream | null {
    const entry = this.openById.get(id);
    if (!entry) return null;
    this.openById.delete(id);
    this.watched.delete(entry);
    return entry;
  }

  private abandonConnection(): void {
    for (const entry of this.openById.values()) entry.id = null;
    this.openById.clear();
    for (const call of [...this.calls.values()]) call.reject(disconnected());
    this.calls.clear();
  }

  private setState(state: ConnectionState): void {
    this.state = state;
    for (const listener of [...this.stateListeners]) listener(state);
  }

  private send(frame: ClientFrame): void {
    this.transport?.send(frame);
  }
}
