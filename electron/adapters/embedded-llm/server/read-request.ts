import { z } from 'zod';
import { LmError } from '../../../contract';
import type { GenerationOrder } from '../llm-process';
import { parse } from './parse';
import { jsonObjectSchema, type JsonObject, type JsonSchema } from '../../../services/models/ports';

const partSchema = z.looseObject({ type: z.string(), text: z.string().optional() });
const contentSchema = z.union([z.string(), z.array(partSchema)]).nullish();
const callSchema = z.looseObject({
  id: z.string().default(''),
  function: z.looseObject({
    name: z.string().min(1),
    arguments: z.union([z.string(), jsonObjectSchema]).default('{}'),
  }),
});
const messageSchema = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: contentSchema,
  tool_calls: z.array(callSchema).nullish(),
  tool_call_id: z.string().nullish(),
});
const formatSchema = z.looseObject({
  type: z.enum(['text', 'json_object', 'json_schema']),
  schema: jsonObjectSchema.nullish(),
  json_schema: z.looseObject({ schema: jsonObjectSchema.nullish() }).nullish(),
});
const number = z.number().nullish();
const whole = z.number().int().nullish();

/** What both kinds of questions share; OpenAI's words and llama-server's own. */
const sharedFields = {
  model: z.string().min(1, 'model name is missing from the request'),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  temperature: z.number().min(0).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: whole,
  min_p: z.number().min(0).max(1).nullish(),
  seed: whole,
  repeat_penalty: z.number().positive().nullish(),
  presence_penalty: number,
  frequency_penalty: number,
  max_tokens: whole,
  max_completion_tokens: whole,
  n_predict: whole,
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  json_schema: jsonObjectSchema.nullish(),
  n: whole,
  logprobs: z.union([z.boolean(), z.number()]).nullish(),
  top_logprobs: whole,
  n_probs: whole,
  logit_bias: z.json().optional(),
  grammar: z.string().nullish(),
};

const chatSchema = z.looseObject({
  ...sharedFields,
  messages: z.array(messageSchema).min(1),
  tools: z
    .array(
      z.looseObject({
        type: z.literal('function'),
        function: z.looseObject({
          name: z.string().min(1),
          description: z.string().nullish(),
          parameters: jsonObjectSchema.nullish(),
        }),
      }),
    )
    .nullish(),
  tool_choice: z
    .union([
      z.enum(['none', 'auto', 'required']),
      z.looseObject({ function: z.looseObject({ name: z.string() }) }),
    ])
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: formatSchema.nullish(),
});

const completionSchema = z.looseObject({
  ...sharedFields,
  prompt: z.union([z.string(), z.array(z.number().int().nonnegative()), z.tuple([z.string()])]),
  suffix: z.string().nullish(),
  echo: z.boolean().nullish(),
});

type Shared = z.infer<z.ZodObject<typeof sharedFields>>;

/** A question as it came by HTTP, read. */
export interface Question {
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly order: GenerationOrder;
}

/** @throws LmError `invalid_input`, or `unsupported` for what the embedded llama.cpp cannot do. */
export function readChat(body: unknown): Question {
  const asked = parse(chatSchema, body);
  refuseUnsupported(asked);
  const choice = asked.tool_choice ?? 'auto';
  const tools = (choice === 'none' ? [] : (asked.tools ?? [])).map(
    ({ function: { name, description, parameters } }) => ({
      name,
      description: description ?? null,
      parameters: parameters ?? null,
    }),
  );
  const chosen =
    typeof choice === 'object' ? tools.filter(({ name }) => name === choice.function.name) : tools;
  if (typeof choice === 'object' && chosen.length === 0) {
    throw new LmError(
      'invalid_input',
      `tool_choice names ${choice.function.name}, which is none of the tools.`,
    );
  }
  if (choice === 'required' && tools.length === 0) {
    throw new LmError('invalid_input', 'tool_choice is required, but there are no tools.');
  }
  const schema = formatOf(asked.response_format ?? null) ?? asked.json_schema ?? null;
  if (schema !== null && chosen.length > 0) {
    throw new LmError(
      'unsupported',
      'A JSON schema and tools in one question are not supported by the embedded llama.cpp.',
    );
  }
  return {
    ...questionOf(asked),
    order: {
      type: 'chat',
      turns: turnsOf(asked.messages),
      tools: chosen,
      toolChoice: choice === 'required' || typeof choice === 'object' ? 'required' : 'auto',
      parallelCalls: asked.parallel_tool_calls ?? true,
      ...samplingOf(asked),
      schema,
    },
  };
}

/** @throws LmError as readChat. */
export function readCompletion(body: unknown): Question {
  const asked = parse(completionSchema, body);
  refuseUnsupported(asked);
  if (asked.suffix) throw unsupported('suffix');
  if (asked.echo) throw unsupported('echo');
  const { prompt } = asked;
  return {
    ...questionOf(asked),
    order: {
      type: 'complete',
      prompt: typeof prompt === 'string' ? prompt : onlyText(prompt),
      ...samplingOf(asked),
      schema: asked.json_schema ?? null,
    },
  };
}

const namedSchema = z.looseObject({ model: z.string().min(1) });

/** The model that is to be loaded or unloaded. @throws LmError `invalid_input`. */
export function readModelName(body: unknown): string {
  return parse(namedSchema, body).model;
}

function onlyText(prompt: number[] | [string]): string | number[] {
  const [first] = prompt;
  return typeof first === 'string' ? first : prompt.filter((each) => typeof each === 'number');
}

function questionOf(asked: Shared): Omit<Question, 'order'> {
  return {
    model: asked.model,
    stream: asked.stream ?? false,
    includeUsage: asked.stream_options?.include_usage ?? false,
  };
}

function samplingOf(asked: Shared) {
  const maxTokens = asked.max_completion_tokens ?? asked.max_tokens ?? asked.n_predict ?? null;
  const stop = asked.stop ?? [];
  return {
    temperature: asked.temperature ?? null,
    // llama-server takes what is not positive for no limit.
    maxTokens: maxTokens !== null && maxTokens > 0 ? maxTokens : null,
    topP: asked.top_p ?? null,
    topK: asked.top_k == null ? null : Math.max(0, asked.top_k),
    minP: asked.min_p ?? null,
    seed: asked.seed != null && asked.seed >= 0 ? asked.seed : null,
    repeatPenalty: asked.repeat_penalty ?? null,
    presencePenalty: asked.presence_penalty ?? null,
    frequencyPenalty: asked.frequency_penalty ?? null,
    stop: (typeof stop === 'string' ? [stop] : stop).filter((text) => text !== ''),
  };
}

/** Better no answer than one that leaves out what was asked for. */
function refuseUnsupported(asked: Shared): void {
  if (asked.n != null && asked.n > 1) throw unsupported('n above 1');
  if (asked.logprobs || asked.top_logprobs || asked.n_probs) throw unsupported('logprobs');
  if (asked.grammar) throw unsupported('grammar');
  const { logit_bias: bias } = asked;
  if (typeof bias === 'object' && bias !== null && Object.keys(bias).length > 0)
    throw unsupported('logit_bias');
}

function unsupported(what: string): LmError {
  return new LmError('unsupported', `${what}: not supported by the embedded llama.cpp.`);
}

function formatOf(format: z.infer<typeof formatSchema> | null): JsonSchema | null {
  if (format === null || format.type === 'text') return null;
  return format.json_schema?.schema ?? format.schema ?? { type: 'object' };
}

type Turn = Extract<GenerationOrder, { type: 'chat' }>['turns'][number];

function turnsOf(messages: readonly z.infer<typeof messageSchema>[]): Turn[] {
  const known = new Set<string>();
  return messages.map((message, position): Turn => {
    const content = textOf(message.content);
    switch (message.role) {
      case 'system':
      case 'developer':
        return { role: 'system', content };
      case 'user':
        return { role: 'user', content };
      case 'assistant':
        return {
          role: 'assistant',
          content,
          calls: (message.tool_calls ?? []).map(({ id, function: { name, arguments: given } }) => {
            known.add(id);
            return { id, name, arguments: argumentsOf(given, position) };
          }),
        };
      case 'tool': {
        const callId = message.tool_call_id ?? '';
        if (!known.has(callId)) {
          throw new LmError(
            'invalid_input',
            `messages.${position}: tool_call_id ${callId} is of no call before it.`,
          );
        }
        return { role: 'tool', callId, content };
      }
    }
  });
}

function argumentsOf(given: string | JsonObject, position: number): JsonObject {
  if (typeof given !== 'string') return given;
  try {
    return jsonObjectSchema.parse(JSON.parse(given === '' ? '{}' : given));
  } catch (error) {
    throw new LmError(
      'invalid_input',
      `messages.${position}: the arguments of a tool call are no JSON object.`,
      { cause: error },
    );
  }
}

function textOf(content: z.infer<typeof contentSchema>): string {
  if (content == null) return '';
  if (typeof content === 'string') return content;
  return content
    .map(({ type, text }) => {
      if (type === 'text' && text !== undefined) return text;
      throw new LmError('unsupported', `${type} input is not supported by the embedded llama.cpp.`);
    })
    .join('');
}
