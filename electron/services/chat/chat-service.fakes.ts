import { LmError, type ChatChunk, type ChatMessage } from '../../contract';
import { FakeSink } from '../foundation/stream-sink.fakes';
import type { ChatEvent, ChatRequest, LlmBackend } from '../models';
import type { ConversationRow, ConversationStore, StoredConversation } from './ports';

/** Answers with what the test emits. */
export class FakeBackend implements LlmBackend {
  readonly runtime = 'llama-cpp';
  readonly requests: ChatRequest[] = [];
  releasedCalls: [string, number, number][] = [];
  private waiting: (() => void) | null = null;
  private events: (ChatEvent | LmError)[] = [];

  emit(...events: (ChatEvent | LmError)[]): void {
    this.events.push(...events);
    this.waiting?.();
  }

  async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent, void, undefined> {
    this.requests.push(request);
    signal.addEventListener('abort', () => this.waiting?.());
    for (;;) {
      if (signal.aborted) throw new LmError('cancelled', 'The answer was cancelled.');
      const next = this.events.shift();
      if (next instanceof LmError) throw next;
      if (next) {
        yield next;
        if (next.kind === 'finish') return;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
  }

  released(name: string, othersRunning: number, withinMs: number): Promise<boolean> {
    this.releasedCalls.push([name, othersRunning, withinMs]);
    return Promise.resolve(true);
  }

  version(): Promise<string> {
    return Promise.resolve('1');
  }
  list(): Promise<[]> {
    return Promise.resolve([]);
  }
  load(): Promise<void> {
    return Promise.resolve();
  }
  unload(): Promise<void> {
    return Promise.resolve();
  }
  remove(): Promise<void> {
    return Promise.resolve();
  }
}

/** Keeps everything in maps; `failWith` makes every write fail. */
export class FakeStore implements ConversationStore {
  openingProblem = null;
  failWith: LmError | null = null;
  writes = 0;
  closed = false;
  backups = 0;
  readonly conversations = new Map<string, StoredConversation>();
  readonly messages = new Map<string, ChatMessage[]>();

  private write(): void {
    if (this.failWith) throw this.failWith;
    this.writes += 1;
  }

  listConversations(): ConversationRow[] {
    return [...this.conversations.values()].map((conversation) => this.row(conversation));
  }
  findConversation(id: string): ConversationRow | null {
    const found = this.conversations.get(id);
    return found ? this.row(found) : null;
  }
  saveConversation(conversation: StoredConversation): void {
    this.write();
    this.conversations.set(conversation.id, conversation);
  }
  removeConversation(id: string): void {
    this.write();
    this.conversations.delete(id);
    this.messages.delete(id);
  }
  listMessages(conversationId: string): ChatMessage[] {
    return [...(this.messages.get(conversationId) ?? [])];
  }
  addMessages(conversationId: string, messages: readonly ChatMessage[]): void {
    this.write();
    this.messages.set(conversationId, [...this.listMessages(conversationId), ...messages]);
  }
  updateAnswer(update: Parameters<ConversationStore['updateAnswer']>[0]): void {
    this.write();
    for (const [id, messages] of this.messages) {
      this.messages.set(
        id,
        messages.map((message) => (message.id === update.id ? { ...message, ...update } : message)),
      );
    }
  }
  replaceAnswer(conversationId: string, replacedId: string | null, answer: ChatMessage): void {
    this.write();
    const kept = this.listMessages(conversationId).filter((message) => message.id !== replacedId);
    this.messages.set(conversationId, [...kept, answer]);
  }
  endInterruptedAnswers(): number {
    return 0;
  }
  backUp(): Promise<void> {
    this.backups += 1;
    return Promise.resolve();
  }
  close(): void {
    this.closed = true;
  }

  private row(conversation: StoredConversation): ConversationRow {
    return { ...conversation, messageCount: this.listMessages(conversation.id).length };
  }
}

/** A page that watches a conversation. */
export class FakeChatSink extends FakeSink<ChatChunk> {
  /** The text of a message as a page puts it together from the chunks. */
  textOf(messageId: string): string {
    let text = '';
    for (const chunk of this.chunks) {
      if (chunk.kind === 'snapshot' || chunk.kind === 'more') {
        text = chunk.messages.find((message) => message.id === messageId)?.content ?? text;
      } else if (chunk.kind === 'message' && chunk.message.id === messageId) text = chunk.message.content;
      else if (chunk.kind === 'delta' && chunk.messageId === messageId) text += chunk.content;
    }
    return text;
  }
}
