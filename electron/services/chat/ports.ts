import type { ChatMessage, ErrorData, ModelReference } from '../../contract';

export interface StoredConversation {
  readonly id: string;
  /** Null until it has a title of its own. */
  readonly title: string | null;
  readonly systemPrompt: string;
  readonly model: ModelReference | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface ConversationRow extends StoredConversation {
  readonly messageCount: number;
}

/** The part of an answer that changes while it is written. */
export type AnswerUpdate = Pick<ChatMessage, 'id' | 'content' | 'thinking' | 'status' | 'error' | 'metrics'>;

/**
 * Conversations on disk. Calls are synchronous and short; each is one transaction. They throw an LmError:
 * `storage_failed`, `storage_corrupt` or `disk_full`.
 */
export interface ConversationStore {
  /** What went wrong when the store was opened (a corrupt file set aside, no place to write); null if nothing. */
  readonly openingProblem: ErrorData | null;
  /** Newest first. */
  listConversations(): readonly ConversationRow[];
  findConversation(id: string): ConversationRow | null;
  /** Inserts, or replaces what is stored under the same id; messages stay. */
  saveConversation(conversation: StoredConversation): void;
  removeConversation(id: string): void;
  /** In the order in which they were added. */
  listMessages(conversationId: string): readonly ChatMessage[];
  addMessages(conversationId: string, messages: readonly ChatMessage[], updatedAtMs: number): void;
  updateAnswer(update: AnswerUpdate): void;
  /** Puts `answer` in the place of the message `replacedId`, or at the end when that is null. */
  replaceAnswer(
    conversationId: string,
    replacedId: string | null,
    answer: ChatMessage,
    updatedAtMs: number,
  ): void;
  /** Ends as `stopped` every message that a host left `streaming`; returns how many. */
  endInterruptedAnswers(): number;
  /** Copies the file to its backup when it changed since the last copy. */
  backUp(): Promise<void>;
  close(): void;
}
