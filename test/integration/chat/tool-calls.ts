import { expect, it } from 'vitest';
import { z } from 'zod';
import { LmError } from '../../../electron/contract';
import type {
  ChatEvent,
  ChatRequest,
  ChatTurn,
  LlmBackend,
  ToolCall,
  ToolOffer,
} from '../../../electron/services/models';

const never = new AbortController().signal;
const weatherArguments = z.strictObject({
  city: z.enum(['Paris', 'Berlin']),
  unit: z.enum(['celsius', 'fahrenheit']),
});
const required: ToolOffer = {
  tools: [
    {
      name: 'get_weather',
      description: 'The weather of a city right now.',
      parameters: {
        type: 'object',
        properties: {
          city: { type: 'string', enum: ['Paris', 'Berlin'] },
          unit: { type: 'string', enum: ['celsius', 'fahrenheit'] },
        },
        required: ['city', 'unit'],
      },
    },
  ],
  choice: 'required',
};
const question: ChatTurn = { role: 'user', content: 'How is the weather in Paris?' };

/** So small a model calls a tool at once only where it did so before. */
const before = ['Rome', 'Oslo', 'Berlin'].flatMap((city): ChatTurn[] => [
  { role: 'user', content: `How is the weather in ${city}?` },
  {
    role: 'assistant',
    content: '',
    calls: [{ id: `of-${city}`, name: 'get_weather', arguments: { city, unit: 'celsius' } }],
  },
  { role: 'tool', callId: `of-${city}`, content: 'rain' },
  { role: 'assistant', content: `There is rain in ${city}.` },
]);

/** What a runtime owes to whoever offers tools, with a real model. */
export function describeToolCalls(model: string, backend: () => LlmBackend): void {
  const ask = async (
    turns: readonly ChatTurn[],
    more: Pick<ChatRequest, 'offer'>,
    maxTokens = 200,
  ): Promise<ChatEvent[]> => {
    const events: ChatEvent[] = [];
    const options = { temperature: 0, maxTokens };
    for await (const event of backend().chat({ model, turns, options, ...more }, never)) events.push(event);
    return events;
  };
  const callsOf = (events: readonly ChatEvent[]): ToolCall[] =>
    events.flatMap((event) => (event.kind === 'call' ? [event.call] : []));

  it('calls a tool that has to be called, with arguments of its schema, and goes on with its answer', async () => {
    const events = await ask([...before, question], { offer: required });
    const [call] = callsOf(events);
    if (!call) throw new Error(`no call: ${JSON.stringify(events)}`);
    expect(call.name).toBe('get_weather');
    expect(call.id.length).toBeGreaterThan(3);
    weatherArguments.parse(call.arguments);
    const end = events.at(-1);
    expect(end).toMatchObject({ kind: 'finish', reason: 'calls' });
    if (end?.kind !== 'finish') throw new Error('no end');
    expect(end.metrics.promptTokens).toBeGreaterThan(10);
    expect(end.metrics.answerTokens).toBeGreaterThan(5);

    const answered = await ask(
      [
        ...before,
        question,
        { role: 'assistant', content: '', calls: [call] },
        { role: 'tool', callId: call.id, content: 'snow' },
      ],
      { offer: { ...required, choice: 'auto' } },
    );
    const text = answered.map((event) => (event.kind === 'content' ? event.text : '')).join('');
    expect(text.toLowerCase()).toContain('snow');
    expect(callsOf(answered)).toEqual([]);
    expect(answered.at(-1)).toMatchObject({ kind: 'finish', reason: 'stop' });
  });

  it('tells no call that its limit of tokens cut in two', async () => {
    const events: ChatEvent[] = [];
    const asking = async () => {
      for (const event of await ask([...before, question], { offer: required }, 12)) events.push(event);
    };
    const error = await asking().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (error instanceof LmError) {
      expect(error.data).toMatchObject({
        code: 'generation_failed',
        message: expect.stringContaining('limit of tokens') as string,
      });
    } else {
      // It may end before the call has a name.
      expect(error).toBeNull();
      expect(events.at(-1)).toMatchObject({ kind: 'finish', reason: 'length' });
    }
    expect(callsOf(events)).toEqual([]);
  });

  it('refuses an answer to a call that nobody made', async () => {
    const asking = ask([question, { role: 'tool', callId: 'x', content: 'rain' }], {});
    await expect(asking).rejects.toMatchObject({ code: 'invalid_input' });
  });
}
