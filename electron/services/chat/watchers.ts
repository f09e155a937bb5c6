import type { ChatChunk, ChatMessage, StreamSink } from '../../contract';

/** Characters of messages in one chunk; far below what a frame may hold, also in UTF-8. */
const maxChunkCharacters = 512 * 1024;

/** One page that watches one conversation; holds back while the page is behind. */
class Watcher {
  private readonly queue: ChatChunk[] = [];

  constructor(private readonly sink: StreamSink<ChatChunk>) {
    sink.onWritable(() => this.drain());
  }

  send(chunk: ChatChunk): void {
    if (chunk.kind === 'snapshot') this.queue.length = 0;
    const last = this.queue.at(-1);
    if (chunk.kind === 'delta' && last?.kind === 'delta' && last.messageId === chunk.messageId) {
      // A page that is behind gets one larger piece instead of many small ones.
      this.queue[this.queue.length - 1] = {
        ...last,
        content: last.content + chunk.content,
        thinking: last.thinking + chunk.thinking,
      };
    } else {
      this.queue.push(chunk);
    }
    this.drain();
  }

  end(): void {
    this.queue.length = 0;
    this.sink.end();
  }

  private drain(): void {
    while (this.sink.writable) {
      const chunk = this.queue.shift();
      if (!chunk) return;
      this.sink.send(chunk);
    }
  }
}

/** The pages that watch conversations, by conversation. */
export class ConversationWatchers {
  private readonly byConversation = new Map<string, Set<Watcher>>();

  /** Sends the snapshot, then whatever `tell` says, until the sink is closed. */
  add(conversationId: string, sink: StreamSink<ChatChunk>, messages: readonly ChatMessage[]): void {
    if (sink.signal.aborted) return;
    const watcher = new Watcher(sink);
    const watchers = this.byConversation.get(conversationId) ?? new Set<Watcher>();
    this.byConversation.set(conversationId, watchers.add(watcher));
    sink.signal.addEventListener('abort', () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.byConversation.get(conversationId) === watchers) {
        this.byConversation.delete(conversationId);
      }
    });
    for (const chunk of snapshotChunks(messages)) watcher.send(chunk);
  }

  tell(conversationId: string, chunk: ChatChunk): void {
    for (const watcher of this.byConversation.get(conversationId) ?? []) watcher.send(chunk);
  }

  tellSnapshot(conversationId: string, messages: readonly ChatMessage[]): void {
    for (const chunk of snapshotChunks(messages)) this.tell(conversationId, chunk);
  }

  /** Ends the streams of a conversation that is no more. */
  end(conversationId: string): void {
    const watchers = this.byConversation.get(conversationId);
    this.byConversation.delete(conversationId);
    for (const watcher of watchers ?? []) watcher.end();
  }

  endAll(): void {
    for (const conversationId of [...this.byConversation.keys()]) this.end(conversationId);
  }

  get count(): number {
    let count = 0;
    for (const watchers of this.byConversation.values()) count += watchers.size;
    return count;
  }
}

/** A conversation as one `snapshot` and as many `more` chunks as its length needs. */
export function snapshotChunks(messages: readonly ChatMessage[]): ChatChunk[] {
  const groups: ChatMessage[][] = [[]];
  let size = 0;
  for (const message of messages) {
    const length = message.content.length + message.thinking.length + 512;
    if (size > 0 && size + length > maxChunkCharacters) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)?.push(message);
    size += length;
  }
  return groups.map((group, index) => ({ kind: index === 0 ? 'snapshot' : 'more', messages: group }));
}
