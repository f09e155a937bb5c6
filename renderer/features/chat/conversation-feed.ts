import type { ChatChunk, ChatMessage, ErrorData } from '../../../electron/contract';
import type { HostClient, OpenStream } from '../../../electron/rpc/client-types';

/** At most 30 commits a second, and fewer for a long answer, whose last block costs more to lay out. */
const shortIntervalMs = 33;
const longIntervalMs = 100;
const longTextCharacters = 32 * 1024;
/** A hidden page paints nothing and gets no animation frames. */
const hiddenIntervalMs = 250;

export interface FeedSnapshot {
  /** False until the first chunk is there. */
  readonly ready: boolean;
  readonly messages: readonly ChatMessage[];
  /** Why the conversation can no longer be followed; null while it can. */
  readonly error: ErrorData | null;
}

/** When to commit; the page's animation frames, except in tests. */
export interface Frames {
  /** Calls `action` at the next frame that is at least `waitMs` away; the returned function cancels it. */
  schedule(waitMs: number, action: () => void): () => void;
  nowMs(): number;
}

export const pageFrames: Frames = {
  nowMs: () => performance.now(),
  schedule: (waitMs, action) => {
    let frame = 0;
    const timer = setTimeout(
      () => {
        if (document.hidden) action();
        else frame = requestAnimationFrame(action);
      },
      document.hidden ? Math.max(waitMs, hiddenIntervalMs) : waitMs,
    );
    return () => {
      clearTimeout(timer);
      cancelAnimationFrame(frame);
    };
  },
};

/**
 * One watched conversation. Deltas collect here, outside of React, and become visible once per commit; the host
 * gets room for more only then.
 */
export class ConversationFeed {
  private snapshot: FeedSnapshot = { ready: false, messages: [], error: null };
  private messages: ChatMessage[] = [];
  private readonly deltas = new Map<string, { content: string[]; thinking: string[] }>();
  private consumed: (() => void)[] = [];
  private readonly listeners = new Set<() => void>();
  private cancelCommit: (() => void) | null = null;
  private lastCommitMs = 0;
  private readonly stream: OpenStream;

  constructor(
    host: HostClient,
    readonly conversationId: string,
    private readonly frames: Frames = pageFrames,
  ) {
    this.stream = host.watch(
      'chat.watch',
      { conversationId },
      {
        onChunk: (chunk, consumed) => this.take(chunk, consumed),
        onEnd: () => this.end(null),
        onError: (error) => this.end(error.data),
      },
    );
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  readonly getSnapshot = (): FeedSnapshot => this.snapshot;

  close(): void {
    this.cancelCommit?.();
    this.cancelCommit = null;
    this.stream.close();
    this.listeners.clear();
  }

  private take(chunk: ChatChunk, consumed: () => void): void {
    this.consumed.push(consumed);
    switch (chunk.kind) {
      case 'snapshot':
        this.deltas.clear();
        this.messages = [...chunk.messages];
        this.commit(true);
        return;
      case 'more':
        this.messages = [...this.messages, ...chunk.messages];
        break;
      case 'message':
        this.deltas.delete(chunk.message.id);
        this.put(chunk.message);
        break;
      case 'delta': {
        const pending = this.deltas.get(chunk.messageId) ?? { content: [], thinking: [] };
        pending.content.push(chunk.content);
        pending.thinking.push(chunk.thinking);
        this.deltas.set(chunk.messageId, pending);
      }
    }
    this.commitSoon();
  }

  private put(message: ChatMessage): void {
    const index = this.messages.findIndex((known) => known.id === message.id);
    if (index < 0) this.messages = [...this.messages, message];
    else this.messages = this.messages.map((known, at) => (at === index ? message : known));
  }

  private commitSoon(): void {
    if (this.cancelCommit) return;
    const length = this.messages.at(-1)?.content.length ?? 0;
    const intervalMs = length > longTextCharacters ? longIntervalMs : shortIntervalMs;
    const waitMs = Math.max(0, this.lastCommitMs + intervalMs - this.frames.nowMs());
    this.cancelCommit = this.frames.schedule(waitMs, () => this.commit(this.snapshot.ready));
  }

  private commit(ready: boolean): void {
    this.cancelCommit?.();
    this.cancelCommit = null;
    this.lastCommitMs = this.frames.nowMs();
    for (const [id, pending] of this.deltas) {
      const message = this.messages.find((known) => known.id === id);
      if (!message) continue;
      this.put({
        ...message,
        content: message.content + pending.content.join(''),
        thinking: message.thinking + pending.thinking.join(''),
      });
    }
    this.deltas.clear();
    this.snapshot = { ready, messages: this.messages, error: this.snapshot.error };
    for (const listener of [...this.listeners]) listener();
    const consumed = this.consumed;
    this.consumed = [];
    for (const done of consumed) done();
  }

  private end(error: ErrorData | null): void {
    this.snapshot = { ...this.snapshot, error };
    this.commit(this.snapshot.ready);
  }
}
