import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatRequest, ToolOffer } from '../../services/models/ports';
import type { AnswerEvent, AnswerParser } from './answer-parser';
import { createLlamaCppAnswerParser } from './llama-cpp-answer';
import { llamaCppQuestion } from './llama-cpp-question';
import { createOllamaAnswerParser } from './ollama-answer';
import { ollamaQuestion } from './ollama-question';

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const offer: ToolOffer = {
  tools: [
    { name: 'get_weather', description: 'The weather of a city.', parameters },
    { name: 'get_time', description: null, parameters: null },
  ],
  choice: 'auto',
};
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function readAll(parser: AnswerParser, ...pieces: readonly (string | Uint8Array)[]): AnswerEvent[] {
  const bytes = pieces.map((piece) => (typeof piece === 'string' ? encode(piece) : piece));
  return [...bytes.flatMap((piece) => parser.push(piece)), ...parser.end()];
}
const delta = (fields: Record<string, unknown>, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: fields, finish_reason: finish }] })}\n\n`;
const called = (index: number, fields: Record<string, unknown>): string =>
  delta({ tool_calls: [{ index, ...fields }] });
const line = (fields: Record<string, unknown>): string => `${JSON.stringify(fields)}\n`;

describe('calls of llama-server', () => {
  // As its builds of 2026 stream an answer with two calls.
  const wire = [
    delta({ role: 'assistant', content: null }),
    delta({ content: 'I look.' }),
    called(0, { id: 'abc', type: 'function', function: { name: 'get_weather', arguments: '' } }),
    called(0, { function: { arguments: '{"city":"Zü' } }),
    called(0, { function: { arguments: 'rich"}' } }),
    called(1, { id: 'def', type: 'function', function: { name: 'get_time', arguments: '{}' } }),
    delta({}, 'tool_calls'),
    'data: [DONE]\n\n',
  ].join('');

  it('are the same whole ones however the bytes are cut', () => {
    const expected = [
      { kind: 'content', text: 'I look.' },
      { kind: 'call', call: { id: 'abc', name: 'get_weather', arguments: { city: 'Zürich' } } },
      { kind: 'call', call: { id: 'def', name: 'get_time', arguments: {} } },
      expect.objectContaining({ kind: 'finish', reason: 'calls' }),
    ];
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 30 }), (places) => {
        const bytes = encode(wire);
        const cuts = [0, ...places.map((place) => place % bytes.length), bytes.length].sort((a, b) => a - b);
        const pieces = cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
        expect(readAll(createLlamaCppAnswerParser('m', offer), ...pieces)).toEqual(expected);
      }),
    );
  });

  it.each([
    ['arguments that are no JSON', called(0, { function: { name: 'get_weather', arguments: '{"city"' } })],
    ['a tool that was not offered', called(0, { function: { name: 'rm', arguments: '{}' } })],
    ['a piece of no call', called(3, { function: { arguments: '{}' } })],
    ['a piece that is none', delta({ tool_calls: [{ function: 'get_weather' }] })],
  ])('with %s fail the answer, and nothing of it is told as a call', (_name, piece) => {
    const events = readAll(
      createLlamaCppAnswerParser('m', offer),
      called(9, { function: { name: 'get_time', arguments: '{}' } }),
      piece,
      delta({}, 'tool_calls'),
      'data: [DONE]\n\n',
    );
    expect(events).toMatchObject([{ kind: 'error', error: { code: 'generation_failed' } }]);
  });

  it('that the stream ends in the middle of fail the answer', () => {
    const begun = called(0, { function: { name: 'get_weather', arguments: '{"city":"Zü' } });
    expect(readAll(createLlamaCppAnswerParser('m', offer), begun)).toMatchObject([
      {
        kind: 'error',
        error: { code: 'generation_failed', message: expect.stringContaining('broke off') as string },
      },
    ]);
    // Also where only the end marker is missing.
    expect(readAll(createLlamaCppAnswerParser('m', offer), begun, delta({}, 'length'))).toMatchObject([
      { kind: 'error', error: { message: expect.stringContaining('limit of tokens') as string } },
    ]);
  });
});

describe('calls of Ollama', () => {
  it('are read with their ids, and get some from releases that give none', () => {
    const of = (id: Record<string, unknown>) =>
      readAll(
        createOllamaAnswerParser('m', offer),
        line({
          message: {
            content: '',
            tool_calls: [
              { ...id, function: { index: 0, name: 'get_weather', arguments: { city: 'Zürich' } } },
            ],
          },
        }),
        line({ message: { tool_calls: [{ function: { name: 'get_time' } }] } }),
        line({ done: true, done_reason: 'stop' }),
      );
    const second = {
      kind: 'call',
      call: { id: expect.any(String) as string, name: 'get_time', arguments: {} },
    };
    const finish: unknown = expect.objectContaining({ kind: 'finish', reason: 'calls' });
    const weather = { name: 'get_weather', arguments: { city: 'Zürich' } };
    expect(of({ id: 'call_1' })).toEqual([
      { kind: 'call', call: { id: 'call_1', ...weather } },
      second,
      finish,
    ]);
    expect(of({})).toEqual([
      { kind: 'call', call: { id: expect.stringMatching(/.{8}/) as string, ...weather } },
      second,
      finish,
    ]);
  });

  it.each([
    ['arguments that are a text', { name: 'get_weather', arguments: '{"city":"Zürich"}' }],
    ['a tool that was not offered', { name: 'rm', arguments: {} }],
  ])('with %s fail the answer', (_name, call) => {
    const events = readAll(
      createOllamaAnswerParser('m', offer),
      line({ message: { tool_calls: [{ function: call }] } }),
      line({ done: true, done_reason: 'stop' }),
    );
    expect(events).toMatchObject([{ kind: 'error', error: { code: 'generation_failed' } }]);
  });

  it('of an answer that has no end are not told', () => {
    const events = readAll(
      createOllamaAnswerParser('m', offer),
      line({ message: { tool_calls: [{ function: { name: 'get_time', arguments: {} } }] } }),
    );
    expect(events).toMatchObject([
      { kind: 'error', error: { message: expect.stringContaining('broke off') as string } },
    ]);
  });
});

it('A call where no tool was offered fails the answer of either', () => {
  const call = { name: 'get_time', arguments: {} };
  expect([
    readAll(
      createLlamaCppAnswerParser('m'),
      called(0, { function: { ...call, arguments: '{}' } }),
      delta({}, 'tool_calls'),
    ),
    readAll(
      createOllamaAnswerParser('m'),
      line({ message: { tool_calls: [{ function: call }] } }),
      line({ done: true }),
    ),
  ]).toMatchObject([
    [{ kind: 'error', error: { code: 'generation_failed' } }],
    [{ kind: 'error', error: { code: 'generation_failed' } }],
  ]);
});

describe('a question with tools', () => {
  const request: ChatRequest = {
    model: 'm',
    turns: [
      { role: 'system', content: 's' },
      { role: 'user', content: 'u' },
      {
        role: 'assistant',
        content: '',
        calls: [{ id: 'a', name: 'get_weather', arguments: { city: 'Zürich' } }],
      },
      { role: 'tool', callId: 'a', content: '21 °C' },
      { role: 'assistant', content: 'Warm.' },
    ],
    options: { temperature: null, maxTokens: 5 },
    offer,
  };
  const names = new Map([['a', 'get_weather']]);
  const noParameters = { type: 'object', properties: {} };

  it('speaks of calls as llama-server does: arguments as text, answers by id', () => {
    expect(llamaCppQuestion({ ...request, offer: { ...offer, choice: 'required' } })).toEqual({
      model: 'm',
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 5,
      tools: [
        {
          type: 'function',
          function: { name: 'get_weather', description: 'The weather of a city.', parameters },
        },
        { type: 'function', function: { name: 'get_time', parameters: noParameters } },
      ],
      tool_choice: 'required',
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content: 'u' },
        {
          role: 'assistant',
          content: '',
          tool_calls: [
            { id: 'a', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Zürich"}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'a', content: '21 °C' },
        { role: 'assistant', content: 'Warm.' },
      ],
    });
  });

  it('speaks of calls as Ollama does: arguments as an object, answers by id and by name', () => {
    expect(ollamaQuestion(request, names)).toMatchObject({
      options: { num_predict: 5 },
      tools: [
        { type: 'function', function: { name: 'get_weather', parameters } },
        { type: 'function', function: { name: 'get_time', description: '', parameters: noParameters } },
      ],
      messages: [
        {},
        {},
        {
          role: 'assistant',
          tool_calls: [{ id: 'a', function: { name: 'get_weather', arguments: { city: 'Zürich' } } }],
        },
        { role: 'tool', tool_call_id: 'a', tool_name: 'get_weather', content: '21 °C' },
        { role: 'assistant', content: 'Warm.' },
      ],
    });
  });

  it('says nothing of tools where none are offered', () => {
    const { model, turns, options } = request;
    const without = { model, turns, options };
    for (const question of [llamaCppQuestion(without), ollamaQuestion(without, names)]) {
      expect(Object.keys(question).filter((key) => key.startsWith('tool'))).toEqual([]);
    }
  });

  it('that requires a call is refused before Ollama gets it, since it would not hold it', () => {
    const required = () => ollamaQuestion({ ...request, offer: { ...offer, choice: 'required' } }, names);
    expect(required).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });
});
