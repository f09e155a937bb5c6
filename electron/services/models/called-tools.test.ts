import { describe, expect, it, test } from 'vitest';
import { LmError } from '../../contract';
import { CalledTools, readCalls } from './called-tools';
import type { ChatEvent, ToolOffer } from './ports';

const metrics = { promptTokens: 1, answerTokens: 2, tokensPerSecond: null };
const tools = ['get_weather', 'get_time'].map((name) => ({ name, description: null, parameters: null }));
const offer: ToolOffer = { tools, choice: 'auto' };

function failureOf(action: () => unknown): Pick<LmError['data'], 'code' | 'message'> {
  try {
    action();
  } catch (error) {
    if (error instanceof LmError) return { code: error.data.code, message: error.data.message };
    throw error;
  }
  throw new Error('Nothing failed.');
}
const callsOf = (events: readonly ChatEvent[]) =>
  events.flatMap((event) => (event.kind === 'call' ? [event.call] : []));

test('Calls in pieces become whole ones in their order, however the pieces of several are mixed', () => {
  const called = new CalledTools('m', offer);
  called.add(1, { id: 'b', name: 'get_time', text: '' });
  called.add(0, { id: 'a', name: 'get_weather', text: '{"city":' });
  called.add(0, { name: null, text: '"Züri' });
  called.add(1, { name: null, text: '{}' });
  called.add(0, { name: 'get_weather', text: 'ch"}' });
  expect(called.end('calls', metrics)).toEqual([
    { kind: 'call', call: { id: 'a', name: 'get_weather', arguments: { city: 'Zürich' } } },
    { kind: 'call', call: { id: 'b', name: 'get_time', arguments: {} } },
    { kind: 'finish', reason: 'calls', metrics },
  ]);
});

test('Calls without ids get some that differ', () => {
  const called = new CalledTools('m', offer);
  called.addWhole(undefined, 'get_time', {});
  called.addWhole('', 'get_time', {});
  called.add(2, { name: 'get_time', text: '' });
  const ids = callsOf(called.end('stop', metrics)).map(({ id }) => id);
  expect(ids.every((id) => id.length > 8)).toBe(true);
  expect(new Set(ids).size).toBe(3);
});

test('The end is one for calls wherever there is one, but a limit that was reached stays to be seen', () => {
  const ended = (said: 'stop' | 'length' | 'unknown' | 'calls') => {
    const called = new CalledTools('m', offer);
    called.add(0, { name: 'get_time', text: '{}' });
    return called.end(said, metrics).at(-1);
  };
  expect((['stop', 'unknown', 'calls', 'length'] as const).map(ended)).toMatchObject([
    { reason: 'calls' },
    { reason: 'calls' },
    { reason: 'calls' },
    { reason: 'length' },
  ]);
  expect(new CalledTools('m', offer).end('stop', metrics)).toEqual([
    { kind: 'finish', reason: 'stop', metrics },
  ]);
});

describe('An answer fails', () => {
  it.each<[string, string, Parameters<CalledTools['add']>[1][], Parameters<CalledTools['end']>[0], string]>([
    ['arguments that are no JSON', 'auto', [{ name: 'get_time', text: '{"a":' }], 'calls', 'no JSON object'],
    ['arguments that are no object', 'auto', [{ name: 'get_time', text: '[1]' }], 'calls', 'no JSON object'],
    ['a call cut at the limit', 'auto', [{ name: 'get_time', text: '{"a":' }], 'length', 'limit of tokens'],
    ['a tool that was not offered', 'auto', [{ name: 'rm', text: '{}' }], 'calls', 'none of those'],
    ['a call without its beginning', 'auto', [{ name: null, text: '{}' }], 'calls', 'cannot be read'],
    [
      'two names for one call',
      'auto',
      [
        { name: 'get_time', text: '' },
        { name: 'get_weather', text: '{}' },
      ],
      'calls',
      'cannot be read',
    ],
    ['an end for calls without one', 'auto', [], 'calls', 'has no call'],
    ['no call where one had to come', 'required', [], 'stop', 'has no call'],
  ])('for %s', (_name, choice, pieces, said, text) => {
    const called = new CalledTools('m', { tools, choice: choice === 'required' ? 'required' : 'auto' });
    const failure = failureOf(() => {
      for (const piece of pieces) called.add(0, piece);
      called.end(said, metrics);
    });
    expect(failure).toEqual({ code: 'generation_failed', message: expect.stringContaining(text) as string });
  });

  it('for any call where no tool was offered', () => {
    const failure = failureOf(() => new CalledTools('m', undefined).addWhole('a', 'get_time', {}));
    expect(failure.message).toContain('it was offered none');
  });

  it('for arguments without end', () => {
    const called = new CalledTools('m', offer);
    called.add(0, { name: 'get_time', text: '' });
    const grow = () => {
      for (;;) called.add(0, { name: null, text: 'x'.repeat(100_000) });
    };
    expect(failureOf(grow).code).toBe('too_large');
  });

  it('but not for a required call that the limit came before', () => {
    const called = new CalledTools('m', { tools, choice: 'required' });
    expect(called.end('length', metrics)).toMatchObject([{ reason: 'length' }]);
  });
});

test('A conversation names the tool behind each call, and only answers to calls before them', () => {
  const call = {
    role: 'assistant' as const,
    content: '',
    calls: [{ id: 'a', name: 'get_time', arguments: {} }],
  };
  const answer = { role: 'tool' as const, callId: 'a', content: 'noon' };
  expect([...readCalls({ turns: [call, answer] })]).toEqual([['a', 'get_time']]);
  expect(failureOf(() => readCalls({ turns: [answer, call] })).code).toBe('invalid_input');
});

test('An offer has tools, and no two of one name', () => {
  const [tool] = tools;
  if (!tool) throw new Error('no tool');
  for (const offered of [[], [tool, tool]]) {
    expect(failureOf(() => readCalls({ turns: [], offer: { tools: offered, choice: 'auto' } })).code).toBe(
      'invalid_input',
    );
  }
});
