import { toLmError, type ChatMessage, type ErrorData } from '../../contract';
import type { Clock, Logger } from '../foundation';
import type { ConversationStore } from './ports';

const retryIntervalMs = 5_000;

export interface AnswerSaverDeps {
  readonly store: ConversationStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Saving has begun to fail, or works again. */
  readonly onProblemChanged: () => void;
}

/**
 * Writes answers to the store. While that fails, for example because the disk is full, the newest state of each
 * answer is kept in memory and written as soon as it can be.
 */
export class AnswerSaver {
  private readonly unsaved = new Map<string, ChatMessage>();
  private problem: ErrorData | null = null;
  private cancelRetry: (() => void) | null = null;

  constructor(private readonly deps: AnswerSaverDeps) {}

  /** Why answers are not being saved right now; null when they are. */
  get currentProblem(): ErrorData | null {
    return this.problem;
  }

  save(message: ChatMessage): void {
    this.unsaved.set(message.id, message);
    this.writeAll();
  }

  /** What is newer in memory than on disk. */
  overlay(messages: readonly ChatMessage[]): ChatMessage[] {
    return messages.map((message) => this.unsaved.get(message.id) ?? message);
  }

  forget(messageIds: Iterable<string>): void {
    for (const id of messageIds) this.unsaved.delete(id);
  }

  dispose(): void {
    this.writeAll();
    this.dropRetry();
  }

  private dropRetry(): void {
    this.cancelRetry?.();
    this.cancelRetry = null;
  }

  private writeAll(): void {
    this.dropRetry();
    for (const message of [...this.unsaved.values()]) {
      try {
        this.deps.store.updateAnswer(message);
        this.unsaved.delete(message.id);
      } catch (error) {
        this.setProblem(toLmError(error).data);
        this.deps.logger.warn('An answer could not be saved; it is kept in memory.', { error });
        this.cancelRetry = this.deps.clock.after(retryIntervalMs, () => this.writeAll());
        return;
      }
    }
    this.setProblem(null);
  }

  private setProblem(problem: ErrorData | null): void {
    const changed = this.problem?.code !== problem?.code;
    this.problem = problem;
    if (changed) this.deps.onProblemChanged();
  }
}
