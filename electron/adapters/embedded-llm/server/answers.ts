import { randomBytes } from 'node:crypto';
import type { GenerationEvent } from '../llm-process';

type Finish = Extract<GenerationEvent, { type: 'finish' }>;
type Fields = Record<string, unknown>;

const finishReasons = { stop: 'stop', length: 'length', calls: 'tool_calls', stopped: 'stop' } as const;

/** One answer in the words of llama-server, as pieces of a stream or whole. */
export interface AnswerWriter {
  /** What comes before the first text. */
  begin(): readonly Fields[];
  piece(event: GenerationEvent): readonly Fields[];
  /** What all pieces make together. */
  whole(): Fields;
}

export interface AnswerFacts {
  readonly model: string;
  /** Of llama.cpp. */
  readonly release: string;
  readonly createdS: number;
  /** Of streams: the tokens used come in a piece of their own. */
  readonly includeUsage: boolean;
}

export function chatWriter(facts: AnswerFacts): AnswerWriter {
  const common = commonOf('chatcmpl-', facts);
  const message: { content: string; thinking: string; calls: { id: string; name: string; text: string }[] } =
    {
      content: '',
      thinking: '',
      calls: [],
    };
  let end: Finish | null = null;
  const chunk = (delta: Fields, finishReason: string | null = null): Fields => ({
    choices: [{ finish_reason: finishReason, index: 0, delta }],
    ...common,
    object: 'chat.completion.chunk',
  });
  return {
    begin: () => [chunk({ role: 'assistant', content: null })],
    piece: (event) => {
      switch (event.type) {
        case 'text':
          if (event.kind === 'thinking') {
            message.thinking += event.text;
            return [chunk({ reasoning_content: event.text })];
          }
          message.content += event.text;
          return [chunk({ content: event.text })];
        case 'call': {
          if (event.name !== null) {
            const id = randomBytes(16).toString('hex');
            message.calls[event.index] = { id, name: event.name, text: event.text };
            const called = { name: event.name, arguments: event.text };
            return [chunk({ tool_calls: [{ index: event.index, id, type: 'function', function: called }] })];
          }
          const call = message.calls[event.index];
          if (call) call.text += event.text;
          return [chunk({ tool_calls: [{ index: event.index, function: { arguments: event.text } }] })];
        }
        case 'finish': {
          end = event;
          const last = chunk({}, finishReasons[event.reason]);
          const used = usageOf(event);
          if (!facts.includeUsage) return [{ ...last, timings: used.timings }];
          return [last, { choices: [], ...common, object: 'chat.completion.chunk', ...used }];
        }
      }
    },
    whole: () => ({
      choices: [
        {
          finish_reason: end ? finishReasons[end.reason] : null,
          index: 0,
          message: {
            role: 'assistant',
            content: message.content,
            ...(message.thinking === '' ? {} : { reasoning_content: message.thinking }),
            ...(message.calls.length === 0
              ? {}
              : {
                  tool_calls: message.calls.map(({ id, name, text }) => ({
                    type: 'function',
                    function: { name, arguments: text },
                    id,
                  })),
                }),
          },
        },
      ],
      ...common,
      object: 'chat.completion',
      ...(end ? usageOf(end) : {}),
    }),
  };
}

export function completionWriter(facts: AnswerFacts): AnswerWriter {
  const common = { ...commonOf('cmpl-', facts), object: 'text_completion' };
  let text = '';
  let end: Finish | null = null;
  const chunk = (piece: string, finishReason: string | null = null): Fields => ({
    choices: [{ text: piece, index: 0, logprobs: null, finish_reason: finishReason }],
    ...common,
  });
  return {
    begin: () => [],
    piece: (event) => {
      if (event.type === 'call') return [];
      if (event.type === 'text') {
        text += event.text;
        return [chunk(event.text)];
      }
      end = event;
      const last = chunk('', finishReasons[event.reason]);
      const used = usageOf(event);
      return facts.includeUsage
        ? [last, { choices: [], ...common, ...used }]
        : [{ ...last, timings: used.timings }];
    },
    whole: () => ({
      ...chunk(text, end ? finishReasons[end.reason] : null),
      ...(end ? usageOf(end) : {}),
    }),
  };
}

function commonOf(prefix: string, { model, release, createdS }: AnswerFacts): Fields {
  return {
    created: createdS,
    id: `${prefix}${randomBytes(16).toString('hex')}`,
    model,
    system_fingerprint: release,
  };
}

function usageOf(finish: Finish): { readonly usage: Fields; readonly timings: Fields } {
  const { promptTokens, cachedTokens, answerTokens, promptMs, answerMs, tokensPerSecond } = finish;
  const computed = promptTokens - cachedTokens;
  return {
    usage: {
      completion_tokens: answerTokens,
      prompt_tokens: promptTokens,
      total_tokens: promptTokens + answerTokens,
      prompt_tokens_details: { cached_tokens: cachedTokens },
    },
    timings: {
      cache_n: cachedTokens,
      prompt_n: computed,
      prompt_ms: promptMs,
      prompt_per_second: promptMs > 0 ? (computed * 1000) / promptMs : null,
      predicted_n: answerTokens,
      predicted_ms: answerMs,
      predicted_per_second: tokensPerSecond,
    },
  };
}
