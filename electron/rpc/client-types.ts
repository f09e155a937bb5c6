import type {
  EventName,
  EventPayload,
  LmError,
  MethodInput,
  MethodName,
  MethodOutput,
  StreamChunk,
  StreamInput,
  StreamName,
} from '../contract';

export interface StreamHandlers<N extends StreamName> {
  /**
   * Called for each chunk in order. Call `consumed` once the chunk was really dealt with (parsed, rendered): only
   * then the producer gets room for more.
   */
  onChunk(chunk: StreamChunk<N>, consumed: () => void): void;
  onEnd?(): void;
  /** The stream failed for good; a lost connection is not reported here, the stream is opened again. */
  onError?(error: LmError): void;
}

export interface OpenStream {
  close(): void;
}

export type ConnectionState = 'connecting' | 'connected' | 'lost';

/** What pages use to talk to the host, whatever the transport. */
export interface HostClient {
  /** Rejects with an LmError. Calls made while the connection is lost reject with `disconnected`. */
  call<N extends MethodName>(
    name: N,
    input: MethodInput<N>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<MethodOutput<N>>;
  /** Opens a stream and opens it again after each reconnect, beginning with its snapshot chunk. */
  watch<N extends StreamName>(name: N, input: StreamInput<N>, handlers: StreamHandlers<N>): OpenStream;
  on<N extends EventName>(name: N, listener: (payload: EventPayload<N>) => void): () => void;
  readonly connectionState: ConnectionState;
  onConnectionChanged(listener: (state: ConnectionState) => void): () => void;
}
