import { request } from 'node:http';
import { z } from 'zod';

/** Whole answers and streams of the model server behind a Unix socket. */
export interface SocketAnswer {
  readonly status: number;
  readonly text: string;
}

export function ask(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
  onFirstText: () => void = () => undefined,
): Promise<SocketAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, ...(signal ? { signal } : {}) }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.once('data', onFirstText);
      response.on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const choice = z.looseObject({
  finish_reason: z.string().nullable(),
  text: z.string().optional(),
  message: z
    .looseObject({
      content: z.string(),
      tool_calls: z
        .array(
          z.looseObject({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) }),
        )
        .optional(),
    })
    .optional(),
  delta: z
    .looseObject({
      content: z.string().nullish(),
      tool_calls: z
        .array(
          z.looseObject({
            index: z.number(),
            function: z.looseObject({ name: z.string().optional(), arguments: z.string() }),
          }),
        )
        .optional(),
    })
    .optional(),
});
const usage = z.looseObject({ prompt_tokens: z.number(), completion_tokens: z.number() });
const timings = z.looseObject({ predicted_per_second: z.number().nullable(), cache_n: z.number() });
const answerSchema = z.looseObject({
  choices: z.array(choice),
  object: z.string(),
  model: z.string(),
  usage: usage.optional(),
  timings: timings.optional(),
});
export type Answer = z.infer<typeof answerSchema>;

export function answerOf({ status, text }: SocketAnswer): Answer {
  if (status !== 200) throw new Error(`${status}: ${text}`);
  return answerSchema.parse(JSON.parse(text));
}

/** The pieces of a stream, which ends as OpenAI's do. */
export function piecesOf({ status, text }: SocketAnswer): Answer[] {
  if (status !== 200) throw new Error(`${status}: ${text}`);
  const events = text.split('\n\n').filter(Boolean);
  if (events.pop() !== 'data: [DONE]') throw new Error(`The stream ended early: ${text.slice(-300)}`);
  return events.map((event) => answerSchema.parse(JSON.parse(event.replace(/^data: /, ''))));
}

const errorSchema = z.object({
  error: z.looseObject({ code: z.number(), message: z.string(), type: z.string() }),
});

export function errorOf({ status, text }: SocketAnswer): z.infer<typeof errorSchema>['error'] {
  const { error } = errorSchema.parse(JSON.parse(text));
  if (error.code !== status) throw new Error(`${status} says ${error.code}`);
  return error;
}
