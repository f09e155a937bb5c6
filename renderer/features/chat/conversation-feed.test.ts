import { describe, expect, it, vi } from 'vitest';
import type { ChatMessage } from '../../../electron/contract';
import { FakeHostClient, type FakeStream } from '../../client/fake-host-client';
import { ConversationFeed, type Frames } from './conversation-feed';

const message = (id: string, change: Partial<ChatMessage> = {}): ChatMessage => ({
  id,
  parentId: null,
  role: 'assistant',
  content: '',
  thinking: '',
  model: null,
  status: 'streaming',
  error: null,
  metrics: null,
  createdAtMs: 1,
  ...change,
});

/** Frames that come when the test says so. */
class ManualFrames implements Frames {
  now = 0;
  private pending: { readonly atMs: number; readonly action: () => void }[] = [];
  nowMs(): number {
    return this.now;
  }
  schedule(waitMs: number, action: () => void): () => void {
    const entry = { atMs: this.now + waitMs, action };
    this.pending.push(entry);
    return () => {
      this.pending = this.pending.filter((other) => other !== entry);
    };
  }
  advance(milliseconds: number): void {
    this.now += milliseconds;
    const due = this.pending.filter(({ atMs }) => atMs <= this.now);
    this.pending = this.pending.filter(({ atMs }) => atMs > this.now);
    for (const { action } of due) action();
  }
}

async function open(): Promise<{
  feed: ConversationFeed;
  frames: ManualFrames;
  stream: FakeStream<'chat.watch'>;
  host: FakeHostClient;
}> {
  const host = new FakeHostClient();
  const frames = new ManualFrames();
  const feed = new ConversationFeed(host, 'c', frames);
  const stream = await vi.waitFor(() => {
    const [opened] = host.streams('chat.watch');
    if (!opened) throw new Error('not open yet');
    return opened;
  });
  stream.push({
    kind: 'snapshot',
    messages: [message('q', { role: 'user', content: 'hi', status: 'complete' }), message('a')],
  });
  return { feed, frames, stream, host };
}

const delta = (content: string, thinking = '') => ({
  kind: 'delta' as const,
  messageId: 'a',
  content,
  thinking,
});

describe('the feed of a conversation', () => {
  it('commits at most 30 times a second, whatever the token rate, and loses no token', async () => {
    const { feed, frames, stream } = await open();
    let commits = 0;
    feed.subscribe(() => {
      commits += 1;
    });
    let sent = '';
    for (let millisecond = 0; millisecond < 1_000; millisecond += 1) {
      stream.push(delta('x'));
      sent += 'x';
      frames.advance(1);
    }
    frames.advance(200);
    expect(commits).toBeLessThanOrEqual(31);
    expect(feed.getSnapshot().messages.at(-1)?.content).toBe(sent);
  });

  it('gives the host room for more only when the text was committed', async () => {
    const { frames, stream } = await open();
    stream.push(delta('a'));
    stream.push(delta('b'));
    expect(stream.unconsumed).toBe(2);
    frames.advance(50);
    expect(stream.unconsumed).toBe(0);
  });

  it('takes the final message over what was put together, and keeps other messages the same objects', async () => {
    const { feed, frames, stream } = await open();
    const question = feed.getSnapshot().messages[0];
    stream.push(delta('par', 'hm'));
    stream.push({
      kind: 'message',
      message: message('a', { content: 'partial, whole', status: 'complete' }),
    });
    frames.advance(50);
    expect(feed.getSnapshot().messages[1]).toMatchObject({
      content: 'partial, whole',
      thinking: '',
      status: 'complete',
    });
    expect(feed.getSnapshot().messages[0]).toBe(question);
  });

  it('adds further pieces of a long conversation and begins anew with a new snapshot', async () => {
    const { feed, frames, stream } = await open();
    stream.push({ kind: 'more', messages: [message('b')] });
    frames.advance(50);
    const before = feed.getSnapshot().messages.map(({ id }) => id);
    stream.push(delta('lost'));
    stream.push({ kind: 'snapshot', messages: [message('z')] });
    expect([before, feed.getSnapshot().messages.map(({ id, content }) => [id, content])]).toEqual([
      ['q', 'a', 'b'],
      [['z', '']],
    ]);
  });

  it('holds nothing after it was closed', async () => {
    const { feed, frames, stream, host } = await open();
    const listener = vi.fn();
    feed.subscribe(listener);
    stream.push(delta('x'));
    feed.close();
    frames.advance(100);
    expect([listener.mock.calls.length, host.heldCount]).toEqual([0, 0]);
  });
});
