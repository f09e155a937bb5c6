import { LmError } from '../../contract';
import type { ChatEvent } from '../../services/models/ports';

/** What an answer parser yields: the port's events, or one error after which nothing counts. */
export type AnswerEvent = ChatEvent | { readonly kind: 'error'; readonly error: LmError };

/** A pure, incremental parser: how the bytes are cut into pieces makes no difference to the events. */
export interface AnswerParser {
  push(bytes: Uint8Array): AnswerEvent[];
  /** Called when the connection ended; yields `finish` or an error if the answer had neither. */
  end(): AnswerEvent[];
}

/** The stream ended without an end of the answer, and without an error either. */
export function brokenOff(model: string): LmError {
  return new LmError('generation_failed', `The answer of ${model} broke off before its end.`, {
    repair: {
      text: 'Try again; if it happens again, look at the container log: the model server may have crashed.',
    },
    retryable: true,
  });
}

export function unreadablePiece(model: string, text: string): LmError {
  return new LmError(
    'generation_failed',
    `The model server sent a piece of the answer of ${model} that is not readable.`,
    {
      details: { piece: text.slice(0, 200) },
      retryable: true,
    },
  );
}
