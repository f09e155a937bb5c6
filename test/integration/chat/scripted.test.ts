import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LmError } from '../../../electron/contract';
import type { ChatEvent, ChatRequest, LlmBackend, ToolOffer } from '../../../electron/services/models';
import { ScriptedModelServer, type ScriptedAnswer } from '../../fakes/scripted-model-server';
import { connect } from './harness';

const never = new AbortController().signal;
const llamaPath = '/llama-cpp/v1/chat/completions';
const ollamaPath = '/ollama/api/chat';
const sse = (...events: readonly unknown[]): string[] =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`);
const lines = (...values: readonly unknown[]): string[] =>
  values.map((value) => `${JSON.stringify(value)}\n`);
const delta = (fields: Record<string, unknown>, finish: string | null = null) => ({
  choices: [{ index: 0, delta: fields, finish_reason: finish }],
});

let server: ScriptedModelServer;
let connected: ReturnType<typeof connect>;
beforeEach(async () => {
  server = await ScriptedModelServer.start();
  connected = connect(server);
});
afterEach(async () => {
  await connected.models.dispose();
  await server.stop();
});

async function ask(
  backend: LlmBackend,
  signal = never,
  more: Partial<ChatRequest> = {},
): Promise<{ events: ChatEvent[]; code: string | null }> {
  const events: ChatEvent[] = [];
  try {
    const turns = [{ role: 'user' as const, content: 'hi' }];
    for await (const event of backend.chat(
      { model: 'm', turns, options: { temperature: null, maxTokens: null }, ...more },
      signal,
    )) {
      events.push(event);
    }
    return { events, code: null };
  } catch (error) {
    return { events, code: error instanceof LmError ? error.code : 'no LmError' };
  }
}
const llama = (answer: ScriptedAnswer, signal?: AbortSignal) => {
  server.script(llamaPath, answer);
  return ask(connected.llamaCpp, signal);
};
const ollama = (answer: ScriptedAnswer, signal?: AbortSignal) => {
  server.script(ollamaPath, answer);
  return ask(connected.ollama, signal);
};

describe('a scripted runtime', () => {
  it('that thinks is shown to think, by the field of either', async () => {
    const fromLlama = await llama({
      pieces: [
        ...sse(delta({ reasoning_content: 'hm' }), delta({ content: 'yes' }, 'stop')),
        'data: [DONE]\n\n',
      ],
    });
    const fromOllama = await ollama({
      pieces: lines(
        { message: { thinking: 'hm' } },
        { message: { content: 'yes' } },
        { done: true, done_reason: 'stop' },
      ),
    });
    const expected = [
      { kind: 'thinking', text: 'hm' },
      { kind: 'content', text: 'yes' },
      expect.objectContaining({ kind: 'finish', reason: 'stop' }),
    ];
    expect([fromLlama, fromOllama]).toEqual([
      { events: expected, code: null },
      { events: expected, code: null },
    ]);
  });

  it('that sends pings while it is silent is waited for', async () => {
    const answer = await llama({
      pieces: [
        ': ping\n\n',
        ':\n\n',
        ...sse(delta({ content: 'x' }, 'stop')),
        ': ping\n\n',
        'data: [DONE]\n\n',
      ],
    });
    expect(answer).toMatchObject({
      events: [{ kind: 'content', text: 'x' }, { kind: 'finish' }],
      code: null,
    });
  });

  it('that fails after status 200 is heard, with what it had written', async () => {
    const error = {
      error: { code: 500, message: 'CUDA error: an illegal memory access', type: 'server_error' },
    };
    const fromLlama = await llama({ pieces: sse(delta({ content: 'half' }), error) });
    const fromOllama = await ollama({
      pieces: lines(
        { message: { content: 'half' } },
        { error: 'llama-server process has terminated: signal: killed' },
      ),
    });
    expect([fromLlama, fromOllama]).toEqual([
      { events: [{ kind: 'content', text: 'half' }], code: 'generation_failed' },
      { events: [{ kind: 'content', text: 'half' }], code: 'model_load_failed' },
    ]);
  });

  it('whose connection is cut, or that ends without an end, is told apart from one that is done', async () => {
    const pieces = sse(delta({ content: 'half' }));
    expect([
      await llama({ pieces, then: 'cut' }),
      await llama({ pieces }),
      await llama({ pieces: [...pieces, ...sse(delta({}, 'stop'))] }),
      await ollama({ pieces: lines({ message: { content: 'half' } }), then: 'cut' }),
      await ollama({ pieces: lines({ message: { content: 'half' } }) }),
    ]).toMatchObject([
      { code: 'gateway_unreachable' },
      { code: 'generation_failed' },
      { code: null },
      { code: 'gateway_unreachable' },
      { code: 'generation_failed' },
    ]);
  });

  it('that is still loading is asked again until it answers', async () => {
    const loading: ScriptedAnswer = {
      status: 503,
      pieces: ['{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}'],
    };
    server.script(llamaPath, loading, loading, {
      pieces: [...sse(delta({ content: 'x' }, 'stop')), 'data: [DONE]\n\n'],
    });
    expect(await ask(connected.llamaCpp)).toMatchObject({ code: null });
    expect(server.requests).toHaveLength(3);
  });

  it('whose queue is full, or that refuses the token, says so', async () => {
    expect([
      await ollama({
        status: 503,
        pieces: ['{"error":"server busy, please try again.  maximum pending requests exceeded"}'],
      }),
      await ollama({
        status: 401,
        pieces: ['{"error":"the token is missing or wrong","code":"unauthorized"}'],
      }),
    ]).toMatchObject([{ code: 'model_server_unavailable' }, { code: 'gateway_unauthorized' }]);
  });

  it('sees its connection closed when the answer is stopped, before the first piece and after it', async () => {
    const stopEarly = new AbortController();
    const early = llama({ pieces: [], then: 'wait' }, stopEarly.signal);
    await vi.waitFor(() => expect(server.requests).toHaveLength(1));
    stopEarly.abort();
    const stopLate = new AbortController();
    const late = (async () => {
      server.script(ollamaPath, { pieces: lines({ message: { content: 'x' } }), then: 'wait' });
      const turns = [{ role: 'user' as const, content: 'hi' }];
      for await (const event of connected.ollama.chat(
        { model: 'm', turns, options: { temperature: null, maxTokens: null } },
        stopLate.signal,
      )) {
        if (event.kind === 'content') stopLate.abort();
      }
    })();
    await expect(late).rejects.toMatchObject({ code: 'cancelled' });
    expect((await early).code).toBe('cancelled');
    await vi.waitFor(() => expect(server.abandoned).toBe(2));
  });

  describe('with tools', () => {
    const offer: ToolOffer = {
      tools: [{ name: 'get_time', description: 'The time in a zone.', parameters: { type: 'object' } }],
      choice: 'auto',
    };
    const called = (piece: Record<string, unknown>, finish: string | null = null) =>
      delta({ tool_calls: [{ index: 0, ...piece }] }, finish);
    const named = called({ id: 'a', function: { name: 'get_time', arguments: '{"zone":' } });
    const askLlama = (answer: ScriptedAnswer, supported = true) => {
      server.script('/llama-cpp/models', { pieces: ['{"data":[{"id":"m","status":{"value":"loaded"}}]}'] });
      server.script('/llama-cpp/props', {
        pieces: [`{"chat_template_caps":{"supports_tools":${supported}}}`],
      });
      server.script(llamaPath, answer);
      return ask(connected.llamaCpp, never, { offer });
    };
    const askOllama = (answer: ScriptedAnswer, more: Partial<ChatRequest> = {}) => {
      server.script(ollamaPath, answer);
      return ask(connected.ollama, never, { offer, ...more });
    };

    it('calls them, and hears their answers in the next question', async () => {
      const call = { function: { name: 'get_time', arguments: { zone: 'CET' } } };
      const first = await askOllama({
        pieces: lines(
          { message: { content: 'hm' } },
          { message: { tool_calls: [call] } },
          { done: true, done_reason: 'stop' },
        ),
      });
      const [, told] = first.events;
      if (told?.kind !== 'call') throw new Error('no call');
      expect(told.call).toMatchObject({ name: 'get_time', arguments: { zone: 'CET' } });
      expect(first.events.at(-1)).toMatchObject({ kind: 'finish', reason: 'calls' });
      const second = await askOllama(
        { pieces: lines({ message: { content: 'noon' } }, { done: true, done_reason: 'stop' }) },
        {
          turns: [
            { role: 'user', content: 'hi' },
            { role: 'assistant', content: 'hm', calls: [told.call] },
            { role: 'tool', callId: told.call.id, content: '12:00' },
          ],
        },
      );
      expect(second).toMatchObject({ events: [{ kind: 'content' }, { reason: 'stop' }], code: null });
      expect(server.bodies.at(-1)).toMatchObject({
        tools: [{ type: 'function', function: { name: 'get_time', parameters: { type: 'object' } } }],
        messages: [
          {},
          { role: 'assistant', tool_calls: [{ id: told.call.id, ...call }] },
          { role: 'tool', tool_call_id: told.call.id, tool_name: 'get_time', content: '12:00' },
        ],
      });
    });

    it('that fails in the middle of a call, or calls what was not offered, is no call of anything', async () => {
      const unknown = { message: { tool_calls: [{ function: { name: 'rm', arguments: {} } }] } };
      const answers = [
        await askLlama({ pieces: sse(named), then: 'cut' }),
        await askLlama({ pieces: sse(named) }),
        await askLlama({ pieces: [...sse(named, called({}, 'tool_calls')), 'data: [DONE]\n\n'] }),
        await askLlama({ pieces: sse(named, { error: { message: 'CUDA error', type: 'server_error' } }) }),
        await askLlama({ pieces: sse(called({ function: { name: 'rm', arguments: '{}' } }, 'tool_calls')) }),
        await askOllama({ pieces: lines(unknown, { done: true, done_reason: 'stop' }) }),
        await askOllama({ pieces: lines({ message: { tool_calls: [{ function: { name: 'get_time' } }] } }) }),
      ];
      expect(answers.map(({ code }) => code)).toEqual([
        'gateway_unreachable',
        ...Array<string>(6).fill('generation_failed'),
      ]);
      expect(answers.flatMap(({ events }) => events)).toEqual([]);
    });

    it('that a model cannot use, or a runtime cannot make it use, says so', async () => {
      const refused = await askOllama({
        status: 400,
        pieces: ['{"error":"registry.ollama.ai/library/gemma:2b does not support tools"}'],
      });
      expect(refused.code).toBe('unsupported');
      const ignored = await askLlama({ pieces: sse(delta({ content: 'x' }, 'stop')) }, false);
      expect(ignored).toEqual({ events: [], code: 'unsupported' });
      const asked = server.requests.length;
      const required = await askOllama({ pieces: [] }, { offer: { ...offer, choice: 'required' } });
      expect(required.code).toBe('unsupported');
      expect(server.requests).toHaveLength(asked);
    });
  });

  it('that is not there at all is an unreachable gateway', async () => {
    await server.stop();
    expect([(await ask(connected.llamaCpp)).code, (await ask(connected.ollama)).code]).toEqual([
      'gateway_unreachable',
      'gateway_unreachable',
    ]);
    const list = await connected.models.list();
    expect(list.runtimes.map(({ error }) => error?.code)).toEqual([
      'gateway_unreachable',
      'gateway_unreachable',
    ]);
  });
});
