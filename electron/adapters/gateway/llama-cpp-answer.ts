import { z } from 'zod';
import { toLmError, type LmError } from '../../contract';
import { CalledTools } from '../../services/models';
import type { ChatEvent, GenerationMetrics, ToolOffer } from '../../services/models/ports';
import { brokenOff, unreadablePiece, type AnswerEvent, type AnswerParser } from './answer-parser';
import { mapRuntimeError, readErrorBody, readErrorValue } from './errors';
import { createSseDecoder, type ServerSentEvent } from './sse-decoder';

/** One piece of llama-server's /v1/chat/completions stream; unknown fields are ignored. */
const pieceSchema = z.object({
  choices: z
    .array(
      z.object({
        delta: z
          .object({
            content: z.string().nullish(),
            reasoning_content: z.string().nullish(),
            tool_calls: z
              .array(
                z.object({
                  index: z.number().int().nonnegative(),
                  id: z.string().nullish(),
                  function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }),
                }),
              )
              .nullish(),
          })
          .nullish(),
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

const finishReasons: Partial<Record<string, Extract<ChatEvent, { kind: 'finish' }>['reason']>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'calls',
};

/**
 * Parses llama-server's answer stream. `finish` waits for the end of the stream, because the piece with the
 * timings may come after the one with the finish reason, with no choices in it.
 */
export function createLlamaCppAnswerParser(model: string, offer?: ToolOffer): AnswerParser {
  const decoder = createSseDecoder();
  const called = new CalledTools(model, offer);
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
    return called.end(finishReasons[finishReason ?? ''] ?? 'unknown', metrics);
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

  const read = (event: ServerSentEvent): AnswerEvent[] => {
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
    for (const { index, id, function: piece } of choice?.delta?.tool_calls ?? []) {
      called.add(index, {
        ...(id ? { id } : {}),
        // The pieces after the first one may have an empty name.
        name: piece.name || null,
        text: piece.arguments ?? '',
      });
    }
    if (choice?.finish_reason) finishReason = choice.finish_reason;
    return events;
  };

  /** Calls that cannot be acted on end an answer like an error of the runtime. */
  const orFail = (action: () => AnswerEvent[]): AnswerEvent[] => {
    try {
      return action();
    } catch (error) {
      return fail(toLmError(error));
    }
  };
  const take = (event: ServerSentEvent): AnswerEvent[] => (ended ? [] : orFail(() => read(event)));

  return {
    push: (bytes) => decoder.push(bytes).flatMap(take),
    end: () => {
      const events = decoder.end().flatMap(take);
      if (ended) return events;
      // The end marker may be missing; a finish reason is enough to know that the answer is whole.
      if (finishReason !== null) return [...events, ...orFail(finish)];
      return [...events, ...fail(brokenOff(model))];
    },
  };
}
