import {
  LmError,
  type ChatChunk,
  type ChatMessage,
  type ConversationList,
  type ConversationSummary,
  type GenerationOptions,
  type ModelReference,
  type StreamSink,
} from '../../contract';
import { Emitter, type Clock, type Disposable, type Logger } from '../foundation';
import { backendOf, requirePlaceOf, type BackendDeps, type LlmBackend } from '../models';
import { AnswerSaver } from './answer-saver';
import type { ConversationRow, ConversationStore, StoredConversation } from './ports';
import { RunningAnswer } from './running-answer';
import { titleFromQuestion } from './title';
import { buildTurns } from './turns';
import { ConversationWatchers } from './watchers';

/** How long a stop waits to see that the runtime has let the slot go. */
const releaseLimitMs = 2_000;
const backupIntervalMs = 5 * 60_000;
const untitled = 'New conversation';

export interface ChatServiceDeps extends BackendDeps {
  readonly store: ConversationStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  /** An answer begins or has ended, so a model may have been loaded. */
  readonly onModelUsed: () => void;
}

/** Conversations and their running answers; see `RunningAnswer` for how one answer is made. */
export class ChatService implements Disposable {
  readonly onChanged = new Emitter<ConversationList>();
  private readonly running = new Map<string, RunningAnswer>();
  private readonly watchers = new ConversationWatchers();
  private readonly saver: AnswerSaver;
  private readonly stopFollowing: () => void;
  private runId: string | null;
  private revision = 0;
  private cancelBackup: (() => void) | null = null;
  private disposing: Promise<void> | null = null;

  constructor(private readonly deps: ChatServiceDeps) {
    this.saver = new AnswerSaver({
      store: deps.store,
      clock: deps.clock,
      logger: deps.logger,
      onProblemChanged: () => this.tellChanged(),
    });
    const interrupted = deps.store.endInterruptedAnswers();
    if (interrupted > 0)
      deps.logger.info('Answers that the last run left unfinished were ended.', { interrupted });
    this.runId = deps.containers.current()?.runId ?? null;
    this.stopFollowing = deps.containers.onChanged((container) => {
      const runId = container?.runId ?? null;
      if (runId === this.runId) return;
      this.runId = runId;
      const error = new LmError('container_not_running', 'The sandbox stopped in the middle of the answer.', {
        repair: { text: 'Start the sandbox, then ask again.' },
        retryable: true,
      });
      for (const answer of this.running.values()) {
        if (answer.backend.runtime !== 'embedded') void answer.fail(error);
      }
    });
    this.scheduleBackup();
  }

  list(): ConversationList {
    return {
      revision: this.revision,
      conversations: this.deps.store.listConversations().map((row) => this.summary(row)),
      storageError: this.saver.currentProblem ?? this.deps.store.openingProblem,
    };
  }

  create(model: ModelReference | null): ConversationSummary {
    const nowMs = this.deps.clock.nowMs();
    const conversation: StoredConversation = {
      id: this.deps.newId(),
      title: null,
      systemPrompt: '',
      model,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    };
    this.deps.store.saveConversation(conversation);
    this.tellChanged();
    return this.summary({ ...conversation, messageCount: 0 });
  }

  update(
    conversationId: string,
    change: { title?: string; systemPrompt?: string; model?: ModelReference | null },
  ): ConversationSummary {
    const row = this.require(conversationId);
    const changed: ConversationRow = {
      ...row,
      title: change.title?.trim() ? change.title.trim() : row.title,
      systemPrompt: change.systemPrompt ?? row.systemPrompt,
      model: change.model === undefined ? row.model : change.model,
    };
    this.deps.store.saveConversation(changed);
    this.tellChanged();
    return this.summary(changed);
  }

  async remove(conversationId: string): Promise<void> {
    this.require(conversationId);
    await this.running.get(conversationId)?.stop();
    this.saver.forget(this.deps.store.listMessages(conversationId).map((message) => message.id));
    this.deps.store.removeConversation(conversationId);
    this.watchers.end(conversationId);
    this.tellChanged();
  }

  /** Stores the question and starts its answer. When it throws, nothing was stored. */
  send(
    conversationId: string,
    text: string,
    model: ModelReference,
    options: GenerationOptions,
  ): { userMessageId: string; assistantMessageId: string } {
    const { row, backend } = this.requireIdle(conversationId, model);
    const earlier = this.messagesOf(conversationId);
    const nowMs = this.deps.clock.nowMs();
    const question: ChatMessage = {
      id: this.deps.newId(),
      parentId: earlier.at(-1)?.id ?? null,
      role: 'user',
      content: text,
      thinking: '',
      model: null,
      status: 'complete',
      error: null,
      metrics: null,
      createdAtMs: nowMs,
    };
    const answer = this.emptyAnswer(question.id, model);
    this.deps.store.addMessages(conversationId, [question, answer], nowMs);
    const title = row.title ?? titleFromQuestion(text);
    this.deps.store.saveConversation({ ...row, title, model, updatedAtMs: nowMs });
    this.watchers.tell(conversationId, { kind: 'message', message: question });
    this.watchers.tell(conversationId, { kind: 'message', message: answer });
    this.start(
      conversationId,
      backend,
      answer,
      buildTurns(row.systemPrompt, [...earlier, question]),
      options,
    );
    return { userMessageId: question.id, assistantMessageId: answer.id };
  }

  /** Answers the last question again; its last answer, if there is one, gives way. */
  retry(
    conversationId: string,
    model: ModelReference,
    options: GenerationOptions,
  ): { assistantMessageId: string } {
    const { row, backend } = this.requireIdle(conversationId, model);
    const messages = this.messagesOf(conversationId);
    const questionIndex = messages.map((message) => message.role).lastIndexOf('user');
    const question = messages[questionIndex];
    if (!question) throw new LmError('not_found', 'There is no question to answer in this conversation.');
    const replaced = messages[questionIndex + 1] ?? null;
    const answer = this.emptyAnswer(question.id, model);
    const nowMs = this.deps.clock.nowMs();
    this.deps.store.replaceAnswer(conversationId, replaced?.id ?? null, answer, nowMs);
    if (replaced) this.saver.forget([replaced.id]);
    this.deps.store.saveConversation({ ...row, model, updatedAtMs: nowMs });
    const history = messages.slice(0, questionIndex + 1);
    this.watchers.tellSnapshot(conversationId, [...history, answer]);
    this.start(conversationId, backend, answer, buildTurns(row.systemPrompt, history), options);
    return { assistantMessageId: answer.id };
  }

  /** Ends the running answer, if there is one; resolves when the runtime was seen to have let go, or after 2 s. */
  async stop(conversationId: string): Promise<void> {
    this.require(conversationId);
    const answer = this.running.get(conversationId);
    if (!answer) return;
    await answer.stop();
    const others = [...this.running.values()].filter(
      (other) => other.backend === answer.backend && other.model === answer.model,
    ).length;
    try {
      const released = await answer.backend.released(answer.model, others, releaseLimitMs);
      if (released === false) {
        this.deps.logger.warn('The model server still worked on a stopped answer.', {
          model: answer.model,
          releaseLimitMs,
        });
      }
    } catch (error) {
      // The answer is ended either way; that the runtime cannot be asked is not the person's concern.
      this.deps.logger.warn('Could not see whether the model server let the slot go.', { error });
    }
  }

  /** Sends the conversation as it is, then what happens in it. */
  watch(conversationId: string, sink: StreamSink<ChatChunk>): void {
    this.require(conversationId);
    this.running.get(conversationId)?.tellNow();
    this.watchers.add(conversationId, sink, this.messagesOf(conversationId));
  }

  dispose(): Promise<void> {
    this.disposing ??= this.close();
    return this.disposing;
  }

  private async close(): Promise<void> {
    this.stopFollowing();
    this.cancelBackup?.();
    await Promise.all([...this.running.values()].map((answer) => answer.stop()));
    this.saver.dispose();
    this.watchers.endAll();
    this.onChanged.clear();
    try {
      await this.deps.store.backUp();
    } catch (error) {
      this.deps.logger.warn('The conversations could not be backed up.', { error });
    }
    this.deps.store.close();
  }

  private require(conversationId: string): ConversationRow {
    const row = this.deps.store.findConversation(conversationId);
    if (!row) throw new LmError('not_found', 'There is no such conversation; it may have been deleted.');
    return row;
  }

  private requireIdle(
    conversationId: string,
    model: ModelReference,
  ): { row: ConversationRow; backend: LlmBackend } {
    const row = this.require(conversationId);
    if (this.disposing) throw new LmError('conflict', 'The app is being closed.');
    if (this.running.has(conversationId)) {
      throw new LmError(
        'conflict',
        'This conversation is being answered; stop that answer or wait for its end.',
      );
    }
    const backend = backendOf(model, this.deps);
    requirePlaceOf(backend, this.deps);
    return { row, backend };
  }

  /** The stored messages, with what is newer in memory in their place. */
  private messagesOf(conversationId: string): ChatMessage[] {
    const current = this.running.get(conversationId)?.current();
    const messages = this.saver.overlay(this.deps.store.listMessages(conversationId));
    return current ? messages.map((message) => (message.id === current.id ? current : message)) : messages;
  }

  private emptyAnswer(parentId: string, model: ModelReference): ChatMessage {
    return {
      id: this.deps.newId(),
      parentId,
      role: 'assistant',
      content: '',
      thinking: '',
      model,
      status: 'streaming',
      error: null,
      metrics: null,
      createdAtMs: this.deps.clock.nowMs(),
    };
  }

  private start(
    conversationId: string,
    backend: LlmBackend,
    message: ChatMessage,
    turns: ReturnType<typeof buildTurns>,
    options: GenerationOptions,
  ): void {
    const answer = new RunningAnswer({
      backend,
      request: { model: message.model?.name ?? '', turns, options },
      message,
      clock: this.deps.clock,
      onDelta: (content, thinking) =>
        this.watchers.tell(conversationId, { kind: 'delta', messageId: message.id, content, thinking }),
      onSave: (current) => this.saver.save(current),
      onEnd: (ended) => {
        this.running.delete(conversationId);
        this.saver.save(ended);
        this.watchers.tell(conversationId, { kind: 'message', message: ended });
        this.tellChanged();
        this.deps.onModelUsed();
      },
    });
    this.running.set(conversationId, answer);
    this.tellChanged();
    this.deps.onModelUsed();
  }

  private summary(row: ConversationRow): ConversationSummary {
    return {
      id: row.id,
      title: row.title ?? untitled,
      createdAtMs: row.createdAtMs,
      updatedAtMs: row.updatedAtMs,
      messageCount: row.messageCount,
      model: row.model,
      systemPrompt: row.systemPrompt,
      answering: this.running.has(row.id),
    };
  }

  private tellChanged(): void {
    this.revision += 1;
    try {
      this.onChanged.emit(this.list());
    } catch (error) {
      this.deps.logger.warn('The conversations could not be listed.', { error });
    }
  }

  private scheduleBackup(): void {
    this.cancelBackup = this.deps.clock.after(backupIntervalMs, () => {
      this.deps.store
        .backUp()
        .catch((error: unknown) =>
          this.deps.logger.warn('The conversations could not be backed up.', { error }),
        )
        .finally(() => {
          if (!this.disposing) this.scheduleBackup();
        });
    });
  }
}
