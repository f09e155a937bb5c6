import { z } from 'zod';
import type { LmError } from '../../contract';
import type { GenerationMetrics } from '../../services/models/ports';
import { brokenOff, unreadablePiece, type AnswerEvent, type AnswerParser } from './answer-parser';
import { mapRuntimeError, readErrorBody, readErrorValue } from './errors';
import { createSseDecoder, type ServerSentEvent } from './sse-decoder';

/** One piece of llama-server's /v1/chat/completions stream; unknown fields are ignored. */
const pieceSchema = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish(), reasoning_content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .nullish(),
  usage: z.object({ prompt_tokens: z.number().nullish(), completion_tokens: z.number().nullish() }).nullish(),
  timings: z
    .object({
      cache_n: z.number().nullish(),
      prompt_n: z.number().nullish(),
      predicted_n: z.number().nullish(),
      predicted_per_second: z.number().nullish(),
    })
    .nullish(),
});
type Piece = z.infer<typeof pieceSchema>;

/**
 * Parses llama-server's answer stream. `finish` waits for the end of the stream, because the piece with the
 * timings may come after the one with the finish reason, with no choices in it.
 */
export function createLlamaCppAnswerParser(model: string): AnswerParser {
  const decoder = createSseDecoder();
  let finishReason: string | null = null;
  let promptTokens: number | null = null;
  let answerTokens: number | null = null;
  let tokensPerSecond: number | null = null;
  let ended = false;

  const fail = (error: LmError): AnswerEvent[] => {
    ended = true;
    return [{ kind: 'error', error }];
  };

  const finish = (): AnswerEvent[] => {
    ended = true;
    const metrics: GenerationMetrics = { promptTokens, answerTokens, tokensPerSecond };
    const reason = finishReason === 'stop' || finishReason === 'length' ? finishReason : 'unknown';
    return [{ kind: 'finish', reason, metrics }];
  };

  const measure = (piece: Piece): void => {
    const { usage, timings } = piece;
    if (usage) {
      promptTokens = usage.prompt_tokens ?? promptTokens;
      answerTokens = usage.completion_tokens ?? answerTokens;
    }
    if (timings) {
      if (promptTokens === null && typeof timings.prompt_n === 'number') {
        promptTokens = timings.prompt_n + (timings.cache_n ?? 0);
      }
      answerTokens ??= timings.predicted_n ?? null;
      const speed = timings.predicted_per_second;
      // A single token has no rate; llama-server then reports a division by almost nothing.
      if (typeof speed === 'number' && Number.isFinite(speed) && (timings.predicted_n ?? 0) > 1)
        tokensPerSecond = speed;
    }
  };

  const take = (event: ServerSentEvent): AnswerEvent[] => {
    if (ended) return [];
    if (event.name === 'error')
      return fail(mapRuntimeError('llama-cpp', model, readErrorBody(null, event.data)));
    if (event.data.trim() === '[DONE]') return finish();
    let json: unknown;
    try {
      json = JSON.parse(event.data);
    } catch {
      return fail(unreadablePiece(model, event.data));
    }
    const foreign = readErrorValue(null, json);
    if (foreign) return fail(mapRuntimeError('llama-cpp', model, foreign));
    const parsed = pieceSchema.safeParse(json);
    if (!parsed.success) return fail(unreadablePiece(model, event.data));
    measure(parsed.data);
    const choice = parsed.data.choices?.[0];
    const events: AnswerEvent[] = [];
    if (choice?.delta?.reasoning_content)
      events.push({ kind: 'thinking', text: choice.delta.reasoning_content });
    if (choice?.delta?.content) events.push({ kind: 'content', text: choice.delta.content });
    if (choice?.finish_reason) finishReason = choice.finish_reason;
    return events;
  };

  return {
    push: (bytes) => decoder.push(bytes).flatMap(take),
    end: () => {
      const events = decoder.end().flatMap(take);
      if (ended) return events;
      // The end marker may be missing; a finish reason is enough to know that the answer is whole.
      if (finishReason !== null) return [...events, ...finish()];
      return [...events, ...fail(brokenOff(model))];
    },
  };
}
