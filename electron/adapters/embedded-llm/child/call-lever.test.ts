import {
  ChatMLChatWrapper,
  DeepSeekChatWrapper,
  Gemma4ChatWrapper,
  HarmonyChatWrapper,
  JinjaTemplateChatWrapper,
  Llama3_1ChatWrapper,
  Llama3_2LightweightChatWrapper,
  LlamaText,
  MistralChatWrapper,
  MuseChatWrapper,
  QwenChatWrapper,
  SeedChatWrapper,
  type ChatWrapper,
} from 'node-llama-cpp';
import { describe, expect, it } from 'vitest';
import type { ChatTurn } from '../../../services/models/ports';
import { chatTurnSchema } from '../../../services/models/ports';
import { toHistory } from './history';
import { CallLever, OfferedTools } from './tools';
import { toolTemplate } from './tool-template.fakes';

// The templates as node-llama-cpp has them; no model is loaded.
const wrappers: readonly (readonly [string, () => ChatWrapper])[] = [
  // What SmolLM2 gets: calls are the library's own way of writing them.
  ['ChatML', () => new ChatMLChatWrapper()],
  ['Qwen 3', () => new QwenChatWrapper({ variation: '3' })],
  ['Qwen 3.5', () => new QwenChatWrapper({ variation: '3.5' })],
  ['a Jinja template', () => new JinjaTemplateChatWrapper({ template: toolTemplate })],
  ['Llama 3.1', () => new Llama3_1ChatWrapper()],
  ['Llama 3.2', () => new Llama3_2LightweightChatWrapper()],
  ['Mistral', () => new MistralChatWrapper()],
  ['DeepSeek', () => new DeepSeekChatWrapper()],
  ['gpt-oss', () => new HarmonyChatWrapper()],
  ['Gemma 4', () => new Gemma4ChatWrapper()],
  ['Muse', () => new MuseChatWrapper()],
  ['Seed', () => new SeedChatWrapper()],
];

const tools = new OfferedTools(
  [
    {
      name: 'get_weather',
      description: 'The weather of a city.',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
    { name: 'get_time', description: null, parameters: null },
  ],
  () => undefined,
);
const question: ChatTurn = { role: 'user', content: 'How is the weather in Paris?' };
const round = (id: string): ChatTurn[] => [
  { role: 'assistant', content: '', calls: [{ id, name: 'get_weather', arguments: { city: 'Paris' } }] },
  { role: 'tool', callId: id, content: 'rain' },
];

function stateOf(wrapper: ChatWrapper, turns: readonly ChatTurn[]) {
  return wrapper.generateContextState({
    chatHistory: toHistory(turns.map((turn) => chatTurnSchema.parse(turn))),
    availableFunctions: tools.functions,
    documentFunctionParams: true,
  });
}

/** What the model reads before it writes the arguments of a call that it has to make, as the library puts it together. */
function readBeforeArguments(wrapper: ChatWrapper, turns: readonly ChatTurn[]): string {
  const { contextText, noPrefixTrigger } = stateOf(wrapper, turns);
  if (noPrefixTrigger?.type !== 'functionCall') throw new Error('The answer does not begin with a call.');
  const { call, parallelism } = wrapper.settings.functions;
  const parts = [parallelism?.call.sectionPrefix ?? '', call.prefix, 'get_weather', call.paramsPrefix];
  return LlamaText([contextText, noPrefixTrigger.inject, ...parts])
    .toString()
    .replaceAll('{{functionName}}', 'get_weather');
}

describe.each(wrappers)('A model of %s', (_name, make) => {
  it('that has to call a tool begins its answer as its template writes calls', () => {
    const wrapper = make();
    const made = stateOf(wrapper, [question, ...round('a')]).contextText.toString();
    new CallLever(wrapper, LlamaText([])).forced = true;
    const read = readBeforeArguments(wrapper, [question]);
    expect(read.length).toBeGreaterThan(100);
    expect(made.slice(0, read.length)).toBe(read);
    expect(made.slice(read.length)).toMatch(/^"?\{.{0,4}city/);
  });

  it('can be made to call once more after a tool has answered', () => {
    const wrapper = make();
    const made = stateOf(wrapper, [question, ...round('a'), ...round('b')]).contextText.toString();
    new CallLever(wrapper, LlamaText([])).forced = true;
    const read = readBeforeArguments(wrapper, [question, ...round('a')]);
    expect(made.slice(0, read.length)).toBe(read);
  });

  it('that may call a tool is spoken to as without the lever', () => {
    const [plain, wrapper] = [make(), make()];
    const lever = new CallLever(wrapper, LlamaText([]));
    lever.forced = false;
    const texts = [plain, wrapper].map((each) => {
      const { contextText, noPrefixTrigger, prefixTriggers } = stateOf(each, [question]);
      return { text: contextText.toString(), no: noPrefixTrigger?.type, prefixes: prefixTriggers?.length };
    });
    expect(texts[1]).toEqual(texts[0]);
  });

  it('reads which tools there are, what they are for, and what one answered', () => {
    const text = stateOf(make(), [question, ...round('a')]).contextText.toString();
    for (const part of ['get_weather', 'get_time', 'The weather of a city', 'city', 'rain']) {
      expect(text).toContain(part);
    }
  });
});
