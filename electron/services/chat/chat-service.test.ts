import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LmError } from '../../contract';
import { silentLogger } from '../foundation';
import type { ChatEvent } from '../models';
import { ChatService } from './chat-service';
import { FakeRunningContainer } from '../container/running-container.fakes';
import { ManualClock } from '../foundation/manual-clock.fakes';
import { FakeBackend, FakeChatSink, FakeStore } from './chat-service.fakes';

const model = { runtime: 'llama-cpp' as const, name: 'm' };
const options = { temperature: null, maxTokens: null };
const finish: ChatEvent = {
  kind: 'finish',
  reason: 'stop',
  metrics: { promptTokens: 3, answerTokens: 2, tokensPerSecond: 40 },
};
const text = (content: string): ChatEvent => ({ kind: 'content', text: content });

let clock: ManualClock;
let containers: FakeRunningContainer;
let backend: FakeBackend;
let store: FakeStore;
let chat: ChatService;
let conversationId: string;
const onModelUsed = vi.fn();

beforeEach(() => {
  clock = new ManualClock();
  containers = new FakeRunningContainer();
  containers.start('c', 'run-1', 'none');
  backend = new FakeBackend();
  store = new FakeStore();
  let count = 0;
  chat = new ChatService({
    backends: [backend],
    place: () => 'container',
    store,
    containers,
    clock,
    logger: silentLogger,
    newId: () => `id-${(count += 1)}`,
    onModelUsed,
  });
  conversationId = chat.create(null).id;
});

const watch = (): FakeChatSink => {
  const sink = new FakeChatSink();
  chat.watch(conversationId, sink);
  return sink;
};
/** Resolves when the running answer of the conversation has ended. */
const ended = async (): Promise<void> => {
  await vi.waitFor(() => expect(chat.list().conversations[0]?.answering).toBe(false));
};
const received = async (sink: FakeChatSink, messageId: string, wanted: string): Promise<void> => {
  await vi.waitFor(() => {
    clock.advance(20);
    expect(sink.textOf(messageId)).toBe(wanted);
  });
};
const last = () => store.listMessages(conversationId).at(-1);

describe('a question and its answer', () => {
  it('are stored, told to the pages as they come, and measured', async () => {
    const sink = watch();
    const { assistantMessageId } = chat.send(conversationId, 'What is **2+2**?\nPlease', model, options);
    clock.advance(120);
    backend.emit(text('Fo'));
    await received(sink, assistantMessageId, 'Fo');
    backend.emit({ kind: 'thinking', text: 'sum' }, text('ur'), finish);
    await ended();
    expect(last()).toMatchObject({
      content: 'Four',
      thinking: 'sum',
      status: 'complete',
      error: null,
      metrics: { promptTokens: 3, answerTokens: 2, tokensPerSecond: 40, finishReason: 'stop' },
    });
    expect(sink.textOf(assistantMessageId)).toBe('Four');
    expect(chat.list().conversations[0]).toMatchObject({ title: 'What is **2+2**?', messageCount: 2, model });
  });

  it('measure the time from the request to the first token', async () => {
    const sink = watch();
    const { assistantMessageId } = chat.send(conversationId, 'hi', model, options);
    await vi.waitFor(() => expect(backend.requests).toHaveLength(1));
    clock.advance(250);
    backend.emit(text('a'));
    await vi.waitFor(() => expect(sink.textOf(assistantMessageId)).toBe('a'));
    clock.advance(100);
    backend.emit(finish);
    await ended();
    expect(last()?.metrics).toMatchObject({ timeToFirstTokenMs: 250, durationMs: 350 });
  });

  it('reach a second page, and a page that comes in the middle, with the same text and nothing twice', async () => {
    const first = watch();
    const { assistantMessageId } = chat.send(conversationId, 'hi', model, options);
    backend.emit(text('one '));
    await received(first, assistantMessageId, 'one ');
    backend.emit(text('two '), text('three '));
    await vi.waitFor(() => expect(backend.requests).toHaveLength(1));
    const second = watch();
    backend.emit(text('four'), finish);
    await ended();
    expect([first.textOf(assistantMessageId), second.textOf(assistantMessageId)]).toEqual([
      'one two three four',
      'one two three four',
    ]);
    const whole = second.chunks.filter((chunk) => chunk.kind === 'delta').map((chunk) => chunk.content);
    const snapshot = second.chunks[0];
    const begun = snapshot?.kind === 'snapshot' ? (snapshot.messages.at(-1)?.content ?? '') : '';
    expect(begun + whole.join('')).toBe('one two three four');
  });

  it('cost one message per 16 ms however many tokens come', async () => {
    const sink = watch();
    const { assistantMessageId } = chat.send(conversationId, 'hi', model, options);
    for (let frame = 0; frame < 5; frame += 1) {
      backend.emit(...Array.from({ length: 200 }, () => text('x')));
      await received(sink, assistantMessageId, 'x'.repeat((frame + 1) * 200));
    }
    expect(sink.chunks.filter((chunk) => chunk.kind === 'delta').length).toBeLessThanOrEqual(10);
    await chat.stop(conversationId);
  });

  it('wait as one piece for a page that does not keep up', async () => {
    const fast = watch();
    const slow = watch();
    slow.fallBehind();
    const { assistantMessageId } = chat.send(conversationId, 'hi', model, options);
    for (const [index, word] of ['a', 'b', 'c'].entries()) {
      backend.emit(text(word));
      await received(fast, assistantMessageId, 'abc'.slice(0, index + 1));
    }
    expect(slow.chunks.map((chunk) => chunk.kind)).toEqual(['snapshot']);
    slow.catchUp();
    expect(slow.chunks.map((chunk) => chunk.kind)).toEqual(['snapshot', 'message', 'message', 'delta']);
    expect(slow.textOf(assistantMessageId)).toBe('abc');
    await chat.stop(conversationId);
  });

  it('go with the system prompt and the whole history, roles alternating', async () => {
    chat.update(conversationId, { systemPrompt: 'Be brief.' });
    chat.send(conversationId, 'one', model, options);
    backend.emit(new LmError('generation_failed', 'Broken.'));
    await ended();
    chat.send(conversationId, 'two', model, { temperature: 0.5, maxTokens: 9 });
    backend.emit(text('yes'), finish);
    await ended();
    expect(backend.requests.at(-1)).toEqual({
      model: 'm',
      turns: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'one\n\ntwo' },
      ],
      options: { temperature: 0.5, maxTokens: 9 },
    });
  });
});

describe('a running answer', () => {
  it('is ended by stop, keeps what was written, and waits until the slot is free', async () => {
    const sink = watch();
    const { assistantMessageId } = chat.send(conversationId, 'hi', model, options);
    backend.emit(text('half'));
    await received(sink, assistantMessageId, 'half');
    await chat.stop(conversationId);
    expect(last()).toMatchObject({
      content: 'half',
      status: 'stopped',
      error: null,
      metrics: { finishReason: 'stopped' },
    });
    expect(backend.releasedCalls).toEqual([['m', 0, 2_000]]);
  });

  it('refuses a second question until it has ended', () => {
    chat.send(conversationId, 'hi', model, options);
    expect(() => chat.send(conversationId, 'again', model, options)).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
    expect(store.listMessages(conversationId)).toHaveLength(2);
  });

  it('fails with the cause, and what was written stays, when the container stops', async () => {
    const sink = watch();
    const { assistantMessageId } = chat.send(conversationId, 'hi', model, options);
    backend.emit(text('half'));
    await received(sink, assistantMessageId, 'half');
    containers.stop();
    await ended();
    expect(last()).toMatchObject({
      content: 'half',
      status: 'failed',
      error: { code: 'container_not_running' },
    });
    expect(() => chat.send(conversationId, 'again', model, options)).toThrow(
      expect.objectContaining({ code: 'container_not_running' }),
    );
  });

  it('fails when the model calls a tool, since a conversation offers none and runs nothing', async () => {
    chat.send(conversationId, 'hi', model, options);
    backend.emit(text('I look.'), { kind: 'call', call: { id: 'a', name: 'rm', arguments: {} } }, finish);
    await ended();
    expect(backend.requests.at(-1)?.offer).toBeUndefined();
    expect(last()).toMatchObject({
      content: 'I look.',
      status: 'failed',
      error: { code: 'generation_failed', details: { tool: 'rm' } },
    });
  });

  it('is answered anew in place of the failed answer by retry', async () => {
    chat.send(conversationId, 'hi', model, options);
    backend.emit(text('bad'), new LmError('generation_failed', 'Broken.', { retryable: true }));
    await ended();
    expect(last()).toMatchObject({ content: 'bad', status: 'failed', error: { code: 'generation_failed' } });
    const sink = watch();
    const { assistantMessageId } = chat.retry(conversationId, model, options);
    backend.emit(text('good'), finish);
    await ended();
    expect(store.listMessages(conversationId).map(({ role, content }) => [role, content])).toEqual([
      ['user', 'hi'],
      ['assistant', 'good'],
    ]);
    expect(sink.textOf(assistantMessageId)).toBe('good');
    expect(backend.requests.at(-1)?.turns).toEqual([{ role: 'user', content: 'hi' }]);
  });

  it('is saved every half second, so that a crash loses little', async () => {
    const sink = watch();
    const { assistantMessageId } = chat.send(conversationId, 'hi', model, options);
    backend.emit(text('half'));
    await received(sink, assistantMessageId, 'half');
    clock.advance(500);
    expect(last()).toMatchObject({ content: 'half', status: 'streaming' });
    await chat.stop(conversationId);
  });

  it('goes on in memory on a full disk, says so, and is saved when there is room again', async () => {
    const sink = watch();
    const { assistantMessageId } = chat.send(conversationId, 'hi', model, options);
    store.failWith = new LmError('disk_full', 'The disk is full.');
    backend.emit(text('whole'), finish);
    await ended();
    expect(last()?.content).toBe('');
    expect(chat.list().storageError).toMatchObject({ code: 'disk_full' });
    expect([sink.textOf(assistantMessageId), watch().textOf(assistantMessageId)]).toEqual(['whole', 'whole']);
    store.failWith = null;
    clock.advance(5_000);
    expect(last()).toMatchObject({ content: 'whole', status: 'complete' });
    expect(chat.list().storageError).toBeNull();
  });
});

describe('conversations', () => {
  it('store nothing of a question that could not be stored', () => {
    store.failWith = new LmError('disk_full', 'The disk is full.');
    expect(() => chat.send(conversationId, 'hi', model, options)).toThrow(
      expect.objectContaining({ code: 'disk_full' }),
    );
    expect([store.listMessages(conversationId), backend.requests]).toEqual([[], []]);
  });

  it('come to a page in pieces that fit a frame, however long they are', () => {
    store.messages.set(
      conversationId,
      Array.from({ length: 40 }, (_, index) => ({
        id: `m${index}`,
        parentId: null,
        role: 'user' as const,
        content: 'y'.repeat(100_000),
        thinking: '',
        model: null,
        status: 'complete' as const,
        error: null,
        metrics: null,
        createdAtMs: 1,
      })),
    );
    const { chunks } = watch();
    expect(chunks.map((chunk) => chunk.kind)).toEqual([
      'snapshot',
      ...Array.from({ length: 7 }, () => 'more'),
    ]);
    expect(
      chunks.flatMap((chunk) => ('messages' in chunk ? chunk.messages : [])).map(({ id }) => id),
    ).toEqual(Array.from({ length: 40 }, (_, index) => `m${index}`));
  });

  it('end their answer and their watches when they are removed', async () => {
    const sink = watch();
    chat.send(conversationId, 'hi', model, options);
    await chat.remove(conversationId);
    expect([sink.ended, chat.list().conversations, store.messages.size]).toEqual([true, [], 0]);
    expect(() => chat.update(conversationId, { title: 'x' })).toThrow(
      expect.objectContaining({ code: 'not_found' }),
    );
  });

  it('are backed up and closed once when the host ends, with running answers stopped and no timer left', async () => {
    chat.send(conversationId, 'hi', model, options);
    backend.emit(text('half'));
    await Promise.all([chat.dispose(), chat.dispose()]);
    expect(last()?.status).toBe('stopped');
    expect([store.backups, store.closed, clock.waiting]).toEqual([1, true, 0]);
  });
});
