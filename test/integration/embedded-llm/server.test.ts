import { mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import {
  createEmbeddedLlm,
  createModelServer,
  modelSocketPath,
  type EmbeddedLlm,
  type ModelServer,
} from '../../../electron/adapters/embedded-llm';
import { bundleForTest } from '../../support/embedded-llm.mjs';
import { ensureSmallModel } from '../../support/model.mjs';
import { answerOf, ask, errorOf, piecesOf } from './socket-client';

// The real node-llama-cpp with the real SmolLM2, asked as the gateway asks llama-server.
const model = 'SmolLM2-135M-Instruct.Q4_1';
const question = [{ role: 'user', content: 'What is the capital of France?' }];
let folder: string;
let llm: EmbeddedLlm;
let server: ModelServer;
let used = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lm-model-server-'));
  await symlink(await ensureSmallModel(), path.join(folder, `${model}.gguf`));
  llm = createEmbeddedLlm({
    modelsFolder: folder,
    childFile: await bundleForTest('server'),
    findNode: async () => process.execPath,
  });
  server = createModelServer({ llm, socketPath: modelSocketPath(folder), onModelUsed: () => (used += 1) });
  await server.open();
}, 600_000);
afterAll(async () => {
  await server.close();
  await llm.dispose();
  await rm(folder, { recursive: true });
});
afterEach(() => expect.poll(() => llm.running()?.answering ?? 0, { timeout: 10_000 }).toBe(0));

const chat = (body: object, signal?: AbortSignal) =>
  ask(server.socketPath, 'POST', '/v1/chat/completions', { model, temperature: 0, ...body }, signal);
const get = (where: string) => ask(server.socketPath, 'GET', where);

const listSchema = z.object({
  data: z.array(z.looseObject({ id: z.string(), status: z.looseObject({ value: z.string() }) })),
});
async function stateOf(): Promise<string | undefined> {
  return listSchema.parse(JSON.parse((await get('/models')).text)).data.find(({ id }) => id === model)?.status
    .value;
}

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city right now.',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string', enum: ['Paris', 'Berlin'] },
        unit: { type: 'string', enum: ['celsius', 'fahrenheit'] },
      },
      required: ['city'],
    },
  },
};
const clock = { type: 'function', function: { name: 'get_time', description: 'The time right now.' } };
const weatherArguments = z.strictObject({
  city: z.enum(['Paris', 'Berlin']),
  unit: z.enum(['celsius', 'fahrenheit']).optional(),
});

test('Only the owner can open the socket, and asking for the state starts nothing', async () => {
  expect((await stat(server.socketPath)).mode & 0o777).toBe(0o600);
  expect((await stat(path.dirname(server.socketPath))).mode & 0o777).toBe(0o700);
  expect(await get('/health')).toEqual({ status: 200, text: '{"status":"ok"}' });
  expect(await stateOf()).toBe('unloaded');
  expect(JSON.parse((await get('/slots')).text)).toEqual([]);
  expect(llm.processId()).toBeNull();
});

test('Loading is answered before it is done, and seen in the list until it is; so is unloading', async () => {
  const load = await ask(server.socketPath, 'POST', '/models/load', { model });
  expect(load).toEqual({ status: 200, text: '{"success":true}' });
  expect(await stateOf()).toBe('loading');
  await expect.poll(stateOf, { timeout: 60_000 }).toBe('loaded');
  expect(JSON.parse((await get(`/slots?model=${model}`)).text)).toEqual([
    { id: 0, n_ctx: 8192, is_processing: false },
  ]);
  expect((await get('/props')).text).toMatch(/^\{"build_info":"[bv]\d/);
  await ask(server.socketPath, 'POST', '/models/unload', { model });
  expect(await stateOf()).toBe('unloaded');
  expect(used).toBeGreaterThan(2);
}, 120_000);

test('A whole answer has text, the tokens used and the time taken', async () => {
  const answer = answerOf(await chat({ messages: question }));
  expect(answer).toMatchObject({ object: 'chat.completion', model, choices: [{ finish_reason: 'stop' }] });
  expect(answer.choices[0]?.message?.content).toContain('Paris');
  expect(answer.usage?.prompt_tokens).toBeGreaterThan(10);
  expect(answer.usage?.completion_tokens).toBeGreaterThan(3);
  expect(answer.timings?.predicted_per_second).toBeGreaterThan(0);
}, 120_000);

test('A stream is the same answer in pieces, its tokens used last and only if they are asked for', async () => {
  const whole = answerOf(await chat({ messages: question }));
  const pieces = piecesOf(
    await chat({ messages: question, stream: true, stream_options: { include_usage: true } }),
  );
  expect(pieces.map(({ choices }) => choices[0]?.delta?.content ?? '').join('')).toBe(
    whole.choices[0]?.message?.content,
  );
  expect(pieces.length).toBeGreaterThan(3);
  expect(pieces.at(-2)?.choices[0]?.finish_reason).toBe('stop');
  expect(pieces.at(-1)).toMatchObject({
    choices: [],
    usage: { completion_tokens: whole.usage?.completion_tokens },
  });
  // The second question found all of the first one's prompt in memory.
  expect(pieces.at(-1)?.timings?.cache_n).toBeGreaterThan(10);
  const without = piecesOf(await chat({ messages: question, stream: true }));
  expect(without.at(-1)).toMatchObject({ choices: [{ finish_reason: 'stop' }], timings: {} });
  expect(without.every(({ usage }) => usage === undefined)).toBe(true);
}, 120_000);

test('A tool that has to be called is called with arguments of its schema', async () => {
  for (const choice of ['required', { type: 'function', function: { name: 'get_weather' } }]) {
    const answer = answerOf(
      await chat({
        messages: [{ role: 'user', content: 'How is the weather in Paris?' }],
        tools: [weather],
        tool_choice: choice,
        parallel_tool_calls: false,
        max_tokens: 200,
      }),
    );
    expect(answer.choices[0]?.finish_reason).toBe('tool_calls');
    const [call, ...further] = answer.choices[0]?.message?.tool_calls ?? [];
    expect(further).toEqual([]);
    expect(call?.function.name).toBe('get_weather');
    expect(call?.id).not.toBe('');
    weatherArguments.parse(JSON.parse(call?.function.arguments ?? ''));
    expect(answer.usage?.completion_tokens).toBeGreaterThan(3);
  }
}, 120_000);

test('Calls are streamed: the name first, then the arguments', async () => {
  const pieces = piecesOf(
    await chat({
      messages: [{ role: 'user', content: 'What time is it, and how is the weather in Berlin?' }],
      tools: [
        clock,
        {
          type: 'function',
          function: {
            name: 'note',
            parameters: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
          },
        },
      ],
      tool_choice: { type: 'function', function: { name: 'note' } },
      parallel_tool_calls: false,
      max_tokens: 200,
      stream: true,
    }),
  );
  const calls = pieces.flatMap(({ choices }) => choices[0]?.delta?.tool_calls ?? []);
  expect(calls[0]).toMatchObject({ index: 0, function: { name: 'note', arguments: '' } });
  expect(calls.length).toBeGreaterThan(2);
  const text = calls.map((call) => call.function.arguments).join('');
  expect(text).toBe(text.trim());
  z.strictObject({ text: z.string() }).parse(JSON.parse(text));
  expect(pieces.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');
}, 120_000);

test('A tool without arguments is called with none', async () => {
  const answer = answerOf(
    await chat({ messages: question, tools: [clock], tool_choice: 'required', parallel_tool_calls: false }),
  );
  expect(answer.choices[0]?.message?.tool_calls).toMatchObject([
    { function: { name: 'get_time', arguments: '{}' } },
  ]);
}, 120_000);

test('What a tool answered is part of the question that follows', async () => {
  const without = answerOf(await chat({ messages: question, max_tokens: 1 }));
  const answer = answerOf(
    await chat({
      messages: [
        { role: 'user', content: 'Which word did the tool tell?' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call-1', type: 'function', function: { name: 'tell_word', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'call-1', content: 'The word is: zebra. Say: zebra.' },
      ],
      max_tokens: 40,
    }),
  );
  expect(answer.usage?.prompt_tokens).toBeGreaterThan(without.usage?.prompt_tokens ?? Infinity);
  expect(answer.choices[0]?.message?.content.toLowerCase()).toContain('zebra');
}, 120_000);

test('With tool_choice none no tool is offered', async () => {
  const [without, offered] = [
    answerOf(await chat({ messages: question })),
    answerOf(await chat({ messages: question, tools: [weather], tool_choice: 'none' })),
  ];
  expect(offered.usage?.prompt_tokens).toBe(without.usage?.prompt_tokens);
  expect(offered.choices).toEqual(without.choices);
}, 120_000);

test('An answer is JSON of the schema that is asked for', async () => {
  const answer = answerOf(
    await chat({
      messages: [{ role: 'user', content: 'Name a city and how many people live there, as JSON.' }],
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'city',
          schema: {
            type: 'object',
            properties: { city: { enum: ['Rome', 'Oslo'] }, people: { type: 'integer' } },
            required: ['city', 'people'],
          },
        },
      },
      max_tokens: 100,
    }),
  );
  z.strictObject({ city: z.enum(['Rome', 'Oslo']), people: z.number().int() }).parse(
    JSON.parse(answer.choices[0]?.message?.content ?? ''),
  );
}, 120_000);

test('A stop text ends an answer and is no part of it', async () => {
  const answer = answerOf(await chat({ messages: question, stop: 'France' }));
  expect(answer.choices[0]?.finish_reason).toBe('stop');
  expect(answer.choices[0]?.message?.content).toBe('The capital of ');
}, 120_000);

test('A text is gone on with as it is, whole and as a stream', async () => {
  const body = { model, prompt: 'The capital of France is', temperature: 0, max_tokens: 6 };
  const whole = answerOf(await ask(server.socketPath, 'POST', '/v1/completions', body));
  expect(whole).toMatchObject({ object: 'text_completion', usage: { completion_tokens: 6 } });
  expect(whole.choices[0]?.text).toContain('Paris');
  expect(whole.choices[0]?.finish_reason).toBe('length');
  const pieces = piecesOf(await ask(server.socketPath, 'POST', '/v1/completions', { ...body, stream: true }));
  expect(pieces.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(whole.choices[0]?.text);
}, 120_000);

test('The same seed gives the same answer', async () => {
  const body = { messages: question, temperature: 1.5, max_tokens: 30 };
  const text = async (seed: number) =>
    answerOf(await chat({ ...body, seed })).choices[0]?.message?.content ?? '';
  const first = await text(7);
  expect(await text(7)).toBe(first);
  expect(await text(8)).not.toBe(first);
}, 120_000);

/** Processor time of a process in clock ticks of 10 ms. */
async function ticksOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

test('Whoever leaves stops the computing, of a whole answer as of a stream', async () => {
  for (const stream of [false, true]) {
    const leave = new AbortController();
    const asked = chat(
      { messages: [{ role: 'user', content: 'Write a very long story.' }], stream, temperature: 1 },
      leave.signal,
    );
    const failed = asked.then(
      () => false,
      () => true,
    );
    await expect.poll(() => llm.running()?.answering, { timeout: 30_000, interval: 5 }).toBe(1);
    expect(JSON.parse((await get('/slots')).text)).toMatchObject([{ is_processing: true }]);
    leave.abort();
    expect(await failed).toBe(true);
    await expect.poll(() => llm.running()?.answering, { timeout: 5_000, interval: 5 }).toBe(0);
  }
  const pid = llm.processId();
  if (pid === null) throw new Error('no process');
  const before = await ticksOf(pid);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect((await ticksOf(pid)) - before).toBeLessThanOrEqual(3);
}, 120_000);

test('Refusals have the shape of llama-server', async () => {
  const long = [{ role: 'user', content: 'word '.repeat(9_000) }];
  expect(errorOf(await chat({ messages: long, stream: true }))).toMatchObject({
    code: 400,
    type: 'exceed_context_size_error',
    n_ctx: 8192,
  });
  expect(errorOf(await chat({ messages: question, model: 'none' }))).toEqual({
    code: 404,
    message: "model 'none' not found",
    type: 'not_found_error',
  });
  expect(errorOf(await chat({ messages: [] }))).toMatchObject({ code: 400, type: 'invalid_request_error' });
  expect(errorOf(await chat({ messages: question, logprobs: true }))).toMatchObject({
    code: 501,
    type: 'not_supported_error',
  });
  const picture = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:' } }] }];
  expect(errorOf(await chat({ messages: picture })).message).toContain('image_url input is not supported');
  expect(errorOf(await get('/nothing'))).toMatchObject({ code: 404, type: 'not_found_error' });
}, 120_000);

test('A model that crashes in the middle of a stream is told in the stream', async () => {
  const { status, text } = await ask(
    server.socketPath,
    'POST',
    '/v1/chat/completions',
    { model, messages: [{ role: 'user', content: 'Write a very long story.' }], stream: true },
    undefined,
    () => {
      const pid = llm.processId();
      if (pid !== null) process.kill(pid, 'SIGSEGV');
    },
  );
  expect(status).toBe(200);
  expect(text).toMatch(
    /data: \{"error":\{"code":503,"message":"The process of the embedded llama\.cpp .*\n\n$/,
  );
}, 120_000);

test('A server that is closed ends what it answers, leaves nothing, and can be opened again', async () => {
  const asked = chat({ messages: [{ role: 'user', content: 'Write a very long story.' }] }).catch(
    (error: unknown) => error,
  );
  await expect.poll(() => llm.running()?.answering, { timeout: 30_000, interval: 5 }).toBe(1);
  await server.close();
  expect(await asked).toBeInstanceOf(Error);
  await expect.poll(() => llm.running()?.answering, { timeout: 5_000 }).toBe(0);
  await expect(stat(server.socketPath)).rejects.toMatchObject({ code: 'ENOENT' });
  await server.open();
  expect((await get('/health')).status).toBe(200);
}, 120_000);
