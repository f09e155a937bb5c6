import type {
  EventName,
  EventPayload,
  MethodInput,
  MethodName,
  MethodOutput,
  StreamChunk,
  StreamInput,
  StreamName,
  StreamSink,
} from '../../contract';

/** What a handler may know of its caller. */
export interface CallContext {
  /** Aborted when the caller cancels, gives up or goes away. */
  readonly signal: AbortSignal;
  /** Stable for the life of one connection; tells apart several attached pages. */
  readonly connectionId: string;
}

export type MethodRoute<N extends MethodName> = (
  input: MethodInput<N>,
  context: CallContext,
) => Promise<MethodOutput<N>> | MethodOutput<N>;

/** Starts producing into `sink`; cleans up when `sink.signal` aborts. Throwing fails the stream. */
export type StreamRoute<N extends StreamName> = (
  input: StreamInput<N>,
  sink: StreamSink<StreamChunk<N>>,
  context: CallContext,
) => Promise<void> | void;

export type MethodRoutes = { readonly [N in MethodName]: MethodRoute<N> };
export type StreamRoutes = { readonly [N in StreamName]: StreamRoute<N> };

/** Sends one event to every connected page. */
export type Publish = <N extends EventName>(name: N, payload: EventPayload<N>) => void;
