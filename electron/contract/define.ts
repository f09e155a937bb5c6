import type { z } from 'zod';
import type { ErrorCode } from './errors';

/** What happens to a stream's chunks when the consumer is slower than the producer. */
export type StreamPolicy =
  /** Every chunk arrives; the producer pauses its source while the window is used up. */
  | 'lossless'
  /** Only the newest chunk matters; one that was not yet sent is replaced. */
  | 'latest-wins'
  /** A bounded number of chunks waits; the oldest are dropped and counted in a gap chunk. */
  | 'bounded-with-gap';

export interface MethodDefinition<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly kind: 'method';
  readonly input: I;
  readonly output: O;
  /** Declared failures beside those every call can have (`invalid_input`, `disconnected`, `internal`). */
  readonly errors: readonly ErrorCode[];
  /** The caller gives up after this time; null for calls that end only with their work. */
  readonly timeoutMs: number | null;
}

export interface StreamDefinition<I extends z.ZodType = z.ZodType, C extends z.ZodType = z.ZodType> {
  readonly kind: 'stream';
  readonly input: I;
  readonly chunk: C;
  readonly policy: StreamPolicy;
  /** Unconsumed bytes after which the producer is told to pause. */
  readonly windowBytes: number;
  /** Builds the chunk that stands for `dropped` lost chunks; required by `bounded-with-gap`. */
  readonly gap?: (dropped: number) => z.infer<C>;
}

export interface EventDefinition<P extends z.ZodType = z.ZodType> {
  readonly kind: 'event';
  readonly payload: P;
}

const defaultTimeoutMs = 15_000;

export function method<I extends z.ZodType, O extends z.ZodType>(definition: {
  input: I;
  output: O;
  errors?: readonly ErrorCode[];
  timeoutMs?: number | null;
}): MethodDefinition<I, O> {
  return {
    kind: 'method',
    input: definition.input,
    output: definition.output,
    errors: definition.errors ?? [],
    timeoutMs: definition.timeoutMs === undefined ? defaultTimeoutMs : definition.timeoutMs,
  };
}

export function stream<I extends z.ZodType, C extends z.ZodType>(definition: {
  input: I;
  chunk: C;
  policy: StreamPolicy;
  windowBytes: number;
  gap?: (dropped: number) => z.infer<C>;
}): StreamDefinition<I, C> {
  if (definition.policy === 'bounded-with-gap' && !definition.gap) {
    throw new Error('A bounded-with-gap stream has to say how it marks a gap.');
  }
  return { kind: 'stream', ...definition };
}

export function event<P extends z.ZodType>(payload: P): EventDefinition<P> {
  return { kind: 'event', payload };
}
