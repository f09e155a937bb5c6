import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { toolTemplate } from '../../../electron/adapters/embedded-llm/child/tool-template.fakes';
import { openConversationStore } from '../../../electron/adapters/storage';
import { LmError, type ChatMessage, type Model, type ModelReference } from '../../../electron/contract';
import { ChatService } from '../../../electron/services/chat';
import { FakeChatSink } from '../../../electron/services/chat/chat-service.fakes';
import { silentLogger, systemClock } from '../../../electron/services/foundation';
import type { ChatEvent, LlmBackend } from '../../../electron/services/models';
import { ensureRandomModel, ensureSmallModel, ensureSmallModelWithTemplate } from '../../support/model.mjs';
import { startModelRegistry } from '../../support/registry.mjs';
import { connect, importGguf, TestSandbox } from './harness';
import { describeToolCalls } from './tool-calls';

const small = 'SmolLM2-135M-Instruct.Q4_1';
const random = 'random-weights';
const withTools = 'with-tools';
const options = { temperature: 0, maxTokens: 12 };
const endless = { temperature: null, maxTokens: null };
const question = [{ role: 'user' as const, content: 'What is the capital of France? Answer in one word.' }];
const never = new AbortController().signal;

let sandbox: TestSandbox;
let connected: ReturnType<typeof connect>;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lm-chat-'));
  sandbox = await TestSandbox.start();
  connected = connect(sandbox);
  await importGguf(connected.models, await ensureSmallModel());
  await importGguf(connected.models, await ensureRandomModel());
  await importGguf(connected.models, await ensureSmallModelWithTemplate(withTools, toolTemplate));
});
afterAll(async () => {
  await connected?.models.dispose();
  await sandbox?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function collect(events: AsyncIterable<ChatEvent>): Promise<ChatEvent[]> {
  const all: ChatEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}
const textOf = (events: readonly ChatEvent[]): string =>
  events.map((event) => (event.kind === 'content' ? event.text : '')).join('');

async function find(reference: ModelReference): Promise<Model | undefined> {
  const list = await connected.models.list();
  return list.models.find(
    (model) => model.reference.name === reference.name && model.reference.runtime === reference.runtime,
  );
}

/** Reads an answer until it has begun, then aborts; resolves when the iteration has ended. */
async function stopAfterStart(backend: LlmBackend, model: string): Promise<void> {
  const stop = new AbortController();
  const turns = [{ role: 'user' as const, content: 'Count from one to ten thousand, in words.' }];
  await expect(async () => {
    for await (const event of backend.chat({ model, turns, options: endless }, stop.signal)) {
      if (event.kind === 'content') stop.abort();
    }
  }).rejects.toMatchObject({ code: 'cancelled' });
}

describe('llama.cpp in the sandbox', () => {
  const reference = { runtime: 'llama-cpp' as const, name: small };

  it('lists the imported files with their sizes and loads one when it is asked', async () => {
    expect(await find(reference)).toMatchObject({
      sizeBytes: (await stat(await ensureSmallModel())).size,
      quantisation: 'Q4_1',
      load: { state: 'unloaded' },
    });
    await connected.models.load(reference);
    const loaded = await find(reference);
    expect(loaded?.load).toMatchObject({ state: 'loaded', error: null });
    expect(loaded?.load.contextSize).toBeGreaterThan(0);
  });

  it('streams an answer and measures it', async () => {
    const events = await collect(connected.llamaCpp.chat({ model: small, turns: question, options }, never));
    expect(textOf(events)).toMatch(/paris/i);
    expect(events.length).toBeGreaterThan(2);
    const end = events.at(-1);
    expect(end).toMatchObject({ kind: 'finish', reason: 'stop' });
    if (end?.kind !== 'finish') throw new Error('no end');
    expect(end.metrics.promptTokens).toBeGreaterThan(5);
    expect(end.metrics.answerTokens).toBeGreaterThan(0);
    expect(end.metrics.tokensPerSecond).toBeGreaterThan(0);
  });

  it('says that the answer was cut off at the token limit', async () => {
    const turns = [{ role: 'user' as const, content: 'Tell me a long story about a fox.' }];
    const events = await collect(
      connected.llamaCpp.chat({ model: small, turns, options: { temperature: 0, maxTokens: 5 } }, never),
    );
    expect(events.at(-1)).toMatchObject({ kind: 'finish', reason: 'length', metrics: { answerTokens: 5 } });
  });

  it('frees its slot within two seconds of a stop', async () => {
    await stopAfterStart(connected.llamaCpp, random);
    expect(await connected.llamaCpp.released(random, 0, 2_000)).toBe(true);
  });

  it('tells a prompt that is too long with the numbers', async () => {
    const contextSize = (await find(reference))?.load.contextSize ?? 0;
    const turns = [{ role: 'user' as const, content: 'word '.repeat(contextSize + 500) }];
    const asking = collect(connected.llamaCpp.chat({ model: small, turns, options }, never));
    const error = await asking.then(
      () => null,
      (reason: unknown) => (reason instanceof LmError ? reason : null),
    );
    expect(error).toMatchObject({ code: 'context_overflow', data: { details: { n_ctx: contextSize } } });
    expect(error?.data.details['n_prompt_tokens']).toBeGreaterThan(contextSize);
  });

  it('tells a model that is not there', async () => {
    const asking = collect(
      connected.llamaCpp.chat({ model: 'nothing-of-the-kind', turns: question, options }, never),
    );
    await expect(asking).rejects.toMatchObject({ code: 'model_not_found' });
    await expect(connected.models.load({ runtime: 'llama-cpp', name: 'nothing' })).rejects.toMatchObject({
      code: 'model_not_found',
    });
  });

  it('tells a damaged file, removes it, and keeps answering with the others', async () => {
    const damaged = join(folder, 'damaged.gguf');
    const bytes = Buffer.alloc(64 * 1024);
    bytes.write('GGUF');
    bytes.writeUInt32LE(3, 4);
    await writeFile(damaged, bytes);
    await importGguf(connected.models, damaged);
    const broken = { runtime: 'llama-cpp' as const, name: 'damaged' };
    await expect(connected.models.load(broken)).rejects.toMatchObject({ code: 'model_load_failed' });
    const asking = collect(connected.llamaCpp.chat({ model: 'damaged', turns: question, options }, never));
    await expect(asking).rejects.toMatchObject({ code: 'model_load_failed' });
    await connected.models.remove(broken);
    expect(await find(broken)).toBeUndefined();
    expect(
      textOf(await collect(connected.llamaCpp.chat({ model: small, turns: question, options }, never))),
    ).toMatch(/paris/i);
  });

  it('gives the memory back when a model is unloaded', async () => {
    await connected.models.load({ runtime: 'llama-cpp', name: random });
    await connected.models.unload({ runtime: 'llama-cpp', name: random });
    expect((await find({ runtime: 'llama-cpp', name: random }))?.load.state).toBe('unloaded');
  });
});

describe('tools of llama.cpp in the sandbox', () => {
  describeToolCalls(withTools, () => connected.llamaCpp);

  it('are refused with a model whose template has no place for them, instead of left out in silence', async () => {
    const offer = {
      tools: [{ name: 'get_time', description: null, parameters: null }],
      choice: 'auto' as const,
    };
    const asking = collect(connected.llamaCpp.chat({ model: small, turns: question, options, offer }, never));
    await expect(asking).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('imports into the sandbox', () => {
  it('refuse a name that is there already and leave that file alone', async () => {
    await expect(importGguf(connected.models, await ensureRandomModel())).rejects.toMatchObject({
      code: 'conflict',
    });
    await vi.waitFor(async () =>
      expect((await connected.ggufStore.list(never)).map(({ fileName }) => fileName)).toContain(
        `${random}.gguf`,
      ),
    );
  });

  it('leave nothing behind when they are cancelled in the middle', async () => {
    const { id } = connected.models.importBegin('half.gguf', 50_000_000);
    const first = new Uint8Array(1024 * 1024);
    first.set(new TextEncoder().encode('GGUF'));
    first[4] = 3;
    await connected.models.importChunk(id, 0, first);
    await connected.models.cancelJob(id);
    await vi.waitFor(
      async () => {
        expect(await sandbox.exec('sh', '-c', 'find /models -name "half*"')).toBe('');
      },
      { timeout: 10_000, interval: 200 },
    );
  });
});

describe('Ollama in the sandbox', () => {
  const names = { pulled: '' };
  const reference = (): ModelReference => ({ runtime: 'ollama', name: names.pulled });

  it('pulls a model from a registry with real progress, after a cancelled attempt', async () => {
    const registry = await startModelRegistry({
      address: sandbox.engine.hostAddress,
      bytesPerSecond: 8_000_000,
    });
    try {
      const name = await registry.publish({ name: 'library/smollm2', file: await ensureSmallModel() });
      const job = (id: string) => connected.models.listJobs().jobs.find((entry) => entry.id === id);
      const begun = async (id: string) =>
        vi.waitFor(() => expect(job(id)?.completedBytes).toBeGreaterThan(1_000_000), {
          timeout: 30_000,
          interval: 20,
        });

      const cancelled = connected.models.pull(name, false).id;
      await begun(cancelled);
      await connected.models.cancelJob(cancelled);
      expect(job(cancelled)).toMatchObject({ status: 'cancelled', error: null });

      const seen: number[] = [];
      const stop = connected.models.onJobsChanged.on((list) => {
        const running = list.jobs.find((entry) => entry.id !== cancelled && entry.kind === 'pull');
        if (running?.completedBytes) seen.push(running.completedBytes);
      });
      const { id } = connected.models.pull(name, false);
      // Some steps at the throttled speed, so that there is progress to be seen on a fast machine too.
      await vi.waitFor(() => expect(new Set(seen).size).toBeGreaterThan(2), {
        timeout: 60_000,
        interval: 20,
      });
      registry.setThrottle(undefined);
      await vi.waitFor(() => expect(job(id)?.status).not.toBe('running'), { timeout: 90_000, interval: 50 });
      stop();
      expect(job(id)).toMatchObject({ status: 'succeeded', error: null });
      expect(seen).toEqual([...seen].sort((left, right) => left - right));

      names.pulled = name;
      expect(await find(reference())).toMatchObject({ load: { state: 'unloaded' } });
    } finally {
      await registry.stop();
    }
  });

  it('tells a model that the registry does not have, and a registry that is not there', async () => {
    const registry = await startModelRegistry({ address: sandbox.engine.hostAddress });
    const end = async (name: string) => {
      const { id } = connected.models.pull(name, false);
      await vi.waitFor(
        () =>
          expect(connected.models.listJobs().jobs.find((entry) => entry.id === id)?.status).toBe('failed'),
        { timeout: 60_000, interval: 50 },
      );
      return connected.models.listJobs().jobs.find((entry) => entry.id === id)?.error?.code;
    };
    const missing = await end(`${registry.host}/library/nothing`);
    await registry.stop();
    const gone = await end(`${registry.host}/library/nothing`);
    expect([missing, gone]).toEqual(['model_not_found', 'registry_unreachable']);
  });

  it('streams an answer, measures it and says where the model lies', async () => {
    const events = await collect(
      connected.ollama.chat({ model: names.pulled, turns: question, options }, never),
    );
    expect(textOf(events).length).toBeGreaterThan(0);
    const end = events.at(-1);
    if (end?.kind !== 'finish') throw new Error('no end');
    expect(end.metrics.answerTokens).toBeGreaterThan(0);
    const loaded = await find(reference());
    expect(loaded?.load).toMatchObject({ state: 'loaded', gpuShare: 0 });
    expect(loaded?.load.contextSize).toBeGreaterThan(0);
    expect(loaded?.load.expiresAtMs).toBeGreaterThan(Date.now());
  });

  it('ends an answer when it is stopped, and answers the next question at once', async () => {
    await stopAfterStart(connected.ollama, names.pulled);
    const events = await collect(
      connected.ollama.chat({ model: names.pulled, turns: question, options }, never),
    );
    expect(events.at(-1)).toMatchObject({ kind: 'finish' });
  });

  it('tells a prompt that is too long instead of dropping its beginning', async () => {
    const contextSize = (await find(reference()))?.load.contextSize ?? 4_096;
    const turns = [{ role: 'user' as const, content: 'word '.repeat(contextSize + 500) }];
    const asking = collect(connected.ollama.chat({ model: names.pulled, turns, options }, never));
    await expect(asking).rejects.toMatchObject({ code: 'context_overflow' });
  });

  it('tells a model that is not there', async () => {
    const asking = collect(
      connected.ollama.chat({ model: 'nothing-of-the-kind', turns: question, options }, never),
    );
    await expect(asking).rejects.toMatchObject({ code: 'model_not_found' });
  });

  it('unloads and removes the model', async () => {
    await connected.models.unload(reference());
    expect((await find(reference()))?.load.state).toBe('unloaded');
    await connected.models.remove(reference());
    expect(await find(reference())).toBeUndefined();
  });
});

describe('a conversation with a model in the sandbox', () => {
  const model: ModelReference = { runtime: 'llama-cpp', name: small };
  /** For stops and crashes, where only the stream matters: thousands of tokens a second, without sense. */
  const quick: ModelReference = { runtime: 'llama-cpp', name: random };

  async function openChat(file: string): Promise<ChatService> {
    return new ChatService({
      backends: [connected.llamaCpp, connected.ollama],
      place: () => 'container',
      store: await openConversationStore({ file, nowMs: () => Date.now() }),
      containers: sandbox,
      clock: systemClock,
      logger: silentLogger,
      newId: connected.newId,
      onModelUsed: () => undefined,
    });
  }
  const messagesOf = (chat: ChatService, conversationId: string): readonly ChatMessage[] => {
    const sink = new FakeChatSink();
    chat.watch(conversationId, sink);
    const [first] = sink.chunks;
    sink.close();
    return first?.kind === 'snapshot' ? first.messages : [];
  };
  const idle = (chat: ChatService) =>
    vi.waitFor(() => expect(chat.list().conversations.every(({ answering }) => !answering)).toBe(true), {
      timeout: 60_000,
      interval: 20,
    });

  it('is found again, whole and measured, after the host was started anew', async () => {
    const file = join(folder, 'conversations.db');
    const first = await openChat(file);
    const { id } = first.create(model);
    const sink = new FakeChatSink();
    first.watch(id, sink);
    const { assistantMessageId } = first.send(id, question[0]?.content ?? '', model, options);
    await idle(first);
    const before = messagesOf(first, id);
    expect(sink.textOf(assistantMessageId)).toBe(before[1]?.content);
    expect(sink.chunks.filter((chunk) => chunk.kind === 'delta').length).toBeGreaterThan(0);
    await first.dispose();

    const second = await openChat(file);
    expect(messagesOf(second, id)).toEqual(before);
    expect(before[1]).toMatchObject({ status: 'complete', error: null });
    expect(before[1]?.metrics?.timeToFirstTokenMs).toBeGreaterThan(0);
    expect(before[1]?.metrics?.tokensPerSecond).toBeGreaterThan(0);
    await second.dispose();
  });

  it('stops at a word, keeps what was written and has a free slot when stop resolves', async () => {
    const chat = await openChat(join(folder, 'stop.db'));
    const { id } = chat.create(quick);
    const sink = new FakeChatSink();
    chat.watch(id, sink);
    const { assistantMessageId } = chat.send(id, 'Count from one to ten thousand, in words.', quick, endless);
    await vi.waitFor(() => expect(sink.textOf(assistantMessageId).length).toBeGreaterThan(10), {
      timeout: 30_000,
      interval: 10,
    });
    await chat.stop(id);
    const slots = await connected.client.text({
      method: 'GET',
      path: `/llama-cpp/slots?model=${random}`,
      signal: never,
      during: 'looking at the slots',
    });
    expect(slots.status).toBe(200);
    expect(slots.body).not.toContain('"is_processing":true');
    const [, answer] = messagesOf(chat, id);
    expect(answer).toMatchObject({ status: 'stopped', error: null });
    expect(answer?.content.length).toBeGreaterThan(10);
    await chat.dispose();
  });

  it('keeps half an answer, and says why it ended, when the container dies', async () => {
    const chat = await openChat(join(folder, 'died.db'));
    const { id } = chat.create(quick);
    const sink = new FakeChatSink();
    chat.watch(id, sink);
    const { assistantMessageId } = chat.send(id, 'Count from one to ten thousand, in words.', quick, endless);
    await vi.waitFor(() => expect(sink.textOf(assistantMessageId).length).toBeGreaterThan(10), {
      timeout: 30_000,
      interval: 10,
    });
    const pull = connected.models.pull('127.0.0.1:9/library/nothing', true);
    await sandbox.kill();
    await idle(chat);
    const [, answer] = messagesOf(chat, id);
    expect(answer).toMatchObject({
      status: 'failed',
      error: { code: 'gateway_unreachable', retryable: true },
    });
    expect(answer?.content.length).toBeGreaterThan(10);
    await vi.waitFor(() =>
      expect(connected.models.listJobs().jobs.find((job) => job.id === pull.id)?.status).toBe('failed'),
    );

    await sandbox.restart();
    chat.retry(id, quick, options);
    await idle(chat);
    expect(messagesOf(chat, id).map(({ status }) => status)).toEqual(['complete', 'complete']);
    await chat.dispose();
  });
});
