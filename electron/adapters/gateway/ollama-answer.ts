import { z } from 'zod';
import type { LmError } from '../../contract';
import { brokenOff, unreadablePiece, type AnswerEvent, type AnswerParser } from './answer-parser';
import { mapRuntimeError, readErrorValue } from './errors';
import { createLineDecoder } from './line-decoder';

/** One line of Ollama's /api/chat stream; durations are nanoseconds, unknown fields are ignored. */
const lineSchema = z.object({
  message: z.object({ content: z.string().nullish(), thinking: z.string().nullish() }).nullish(),
  done: z.boolean().nullish(),
  done_reason: z.string().nullish(),
  prompt_eval_count: z.number().nullish(),
  eval_count: z.number().nullish(),
  eval_duration: z.number().nullish(),
});
type Line = z.infer<typeof lineSchema>;

/** Parses Ollama's native answer stream, one JSON value per line. */
export function createOllamaAnswerParser(model: string): AnswerParser {
  const decoder = createLineDecoder();
  let ended = false;

  const fail = (error: LmError): AnswerEvent[] => {
    ended = true;
    return [{ kind: 'error', error }];
  };

  const finish = (line: Line): AnswerEvent => {
    ended = true;
    const count = line.eval_count ?? null;
    const seconds = (line.eval_duration ?? 0) / 1e9;
    return {
      kind: 'finish',
      reason: line.done_reason === 'stop' || line.done_reason === 'length' ? line.done_reason : 'unknown',
      metrics: {
        promptTokens: line.prompt_eval_count ?? null,
        answerTokens: count,
        tokensPerSecond: count !== null && count > 1 && seconds > 0 ? count / seconds : null,
      },
    };
  };

  const take = (text: string): AnswerEvent[] => {
    if (ended || text.trim() === '') return [];
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return fail(unreadablePiece(model, text));
    }
    const foreign = readErrorValue(null, json);
    if (foreign) return fail(mapRuntimeError('ollama', model, foreign));
    const parsed = lineSchema.safeParse(json);
    if (!parsed.success) return fail(unreadablePiece(model, text));
    const { message, done } = parsed.data;
    const events: AnswerEvent[] = [];
    if (message?.thinking) events.push({ kind: 'thinking', text: message.thinking });
    if (message?.content) events.push({ kind: 'content', text: message.content });
    if (done) events.push(finish(parsed.data));
    return events;
  };

  return {
    push: (bytes) => decoder.push(bytes).flatMap(take),
    end: () => {
      const events = decoder.end().flatMap(take);
      return ended ? events : [...events, ...fail(brokenOff(model))];
    },
  };
}
