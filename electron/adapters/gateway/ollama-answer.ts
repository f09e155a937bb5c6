import { z } from 'zod';
import { toLmError, type LmError } from '../../contract';
import { CalledTools } from '../../services/models';
import { jsonObjectSchema, type ToolOffer } from '../../services/models/ports';
import { brokenOff, unreadablePiece, type AnswerEvent, type AnswerParser } from './answer-parser';
import { mapRuntimeError, readErrorValue } from './errors';
import { createLineDecoder } from './line-decoder';

/** One line of Ollama's /api/chat stream; durations are nanoseconds, unknown fields are ignored. */
const lineSchema = z.object({
  message: z
    .object({
      content: z.string().nullish(),
      thinking: z.string().nullish(),
      /** Whole ones; older releases give them no ids. */
      tool_calls: z
        .array(
          z.object({
            id: z.string().optional(),
            function: z.object({ name: z.string(), arguments: jsonObjectSchema.nullish() }),
          }),
        )
        .nullish(),
    })
    .nullish(),
  done: z.boolean().nullish(),
  done_reason: z.string().nullish(),
  prompt_eval_count: z.number().nullish(),
  eval_count: z.number().nullish(),
  eval_duration: z.number().nullish(),
});
type Line = z.infer<typeof lineSchema>;

/** Parses Ollama's native answer stream, one JSON value per line. */
export function createOllamaAnswerParser(model: string, offer?: ToolOffer): AnswerParser {
  const decoder = createLineDecoder();
  const called = new CalledTools(model, offer);
  let ended = false;

  const fail = (error: LmError): AnswerEvent[] => {
    ended = true;
    return [{ kind: 'error', error }];
  };

  const finish = (line: Line): AnswerEvent[] => {
    ended = true;
    const count = line.eval_count ?? null;
    const seconds = (line.eval_duration ?? 0) / 1e9;
    const reason =
      line.done_reason === 'stop' || line.done_reason === 'length' ? line.done_reason : 'unknown';
    return called.end(reason, {
      promptTokens: line.prompt_eval_count ?? null,
      answerTokens: count,
      tokensPerSecond: count !== null && count > 1 && seconds > 0 ? count / seconds : null,
    });
  };

  const read = (text: string): AnswerEvent[] => {
    if (text.trim() === '') return [];
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
    for (const { id, function: call } of message?.tool_calls ?? []) {
      called.addWhole(id, call.name, call.arguments ?? {});
    }
    return done ? [...events, ...finish(parsed.data)] : events;
  };

  const take = (text: string): AnswerEvent[] => {
    if (ended) return [];
    try {
      return read(text);
    } catch (error) {
      return fail(toLmError(error));
    }
  };

  return {
    push: (bytes) => decoder.push(bytes).flatMap(take),
    end: () => {
      const events = decoder.end().flatMap(take);
      return ended ? events : [...events, ...fail(brokenOff(model))];
    },
  };
}
