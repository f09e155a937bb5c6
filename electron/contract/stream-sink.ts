import type { LmError } from './errors';

/**
 * The producing end of an open stream, as services see it (the rpc layer implements it).
 *
 * `send` never blocks. On a `lossless` stream the producer looks at `writable` after each send and pauses its
 * source until `onWritable` fires; on the other policies the sink itself drops as the contract declares.
 */
export interface StreamSink<Chunk> {
  send(chunk: Chunk): void;
  /** False while unconsumed bytes exceed the consumer's window. */
  readonly writable: boolean;
  /** Bytes sent and not yet consumed. */
  readonly pendingBytes: number;
  /** Fires each time the consumer has caught up to a quarter of its window after `writable` was false. */
  onWritable(listener: () => void): void;
  /** Aborted when the consumer closes the stream or its connection goes away. */
  readonly signal: AbortSignal;
  end(): void;
  fail(error: LmError): void;
}
