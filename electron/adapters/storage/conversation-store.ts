import { z } from 'zod';
import {
  answerMetricsSchema,
  chatMessageSchema,
  errorDataSchema,
  modelReferenceSchema,
  type ChatMessage,
} from '../../contract';
import type { ConversationRow, ConversationStore, StoredConversation } from '../../services/chat/ports';
import { mapStorageError } from './sqlite-errors';
import { backUpDatabase, openDatabase, type Database } from './sqlite-file';

const conversationRowSchema = z.object({
  id: z.string(),
  title: z.string().nullable(),
  system_prompt: z.string(),
  model_json: z.string().nullable(),
  created_at_ms: z.number(),
  updated_at_ms: z.number(),
  message_count: z.number(),
});

const messageRowSchema = z.object({
  id: z.string(),
  parent_id: z.string().nullable(),
  role: z.string(),
  content: z.string(),
  thinking: z.string(),
  model_json: z.string().nullable(),
  status: z.string(),
  error_json: z.string().nullable(),
  metrics_json: z.string().nullable(),
  created_at_ms: z.number(),
});

const selectConversations = `
  SELECT id, title, system_prompt, model_json, created_at_ms, updated_at_ms,
         (SELECT count(*) FROM messages WHERE conversation_id = conversations.id) AS message_count
  FROM conversations`;

export interface ConversationStoreOptions {
  /** Path of the database file; its folder is made when it is missing. */
  readonly file: string;
  readonly nowMs: () => number;
}

/** Conversations in one SQLite file (WAL), with its last good copy beside it as `….backup`. */
export async function openConversationStore(options: ConversationStoreOptions): Promise<ConversationStore> {
  const { database, problem } = await openDatabase(options.file, options.nowMs());
  return new SqliteConversationStore(database, options.file, problem);
}

class SqliteConversationStore implements ConversationStore {
  /** The state of the file that the last backup holds: `PRAGMA data_version` sees other processes only. */
  private changesAtBackup = 0;
  private changes = 0;
  private backingUp: Promise<void> | null = null;

  constructor(
    private readonly database: Database,
    private readonly file: string,
    readonly openingProblem: ConversationStore['openingProblem'],
  ) {}

  listConversations(): ConversationRow[] {
    return this.read(() =>
      this.database
        .prepare(`${selectConversations} ORDER BY updated_at_ms DESC, id`)
        .all()
        .map(readConversation),
    );
  }

  findConversation(id: string): ConversationRow | null {
    return this.read(() => {
      const row = this.database.prepare(`${selectConversations} WHERE id = ?`).get(id);
      return row === undefined ? null : readConversation(row);
    });
  }

  saveConversation(conversation: StoredConversation): void {
    this.write(() => {
      this.database
        .prepare(
          `INSERT INTO conversations (id, title, system_prompt, model_json, created_at_ms, updated_at_ms)
           VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET title = excluded.title, system_prompt = excluded.system_prompt,
             model_json = excluded.model_json, updated_at_ms = excluded.updated_at_ms`,
        )
        .run(
          conversation.id,
          conversation.title,
          conversation.systemPrompt,
          toJson(conversation.model),
          conversation.createdAtMs,
          conversation.updatedAtMs,
        );
    });
  }

  removeConversation(id: string): void {
    this.write(() => {
      this.database.prepare('DELETE FROM conversations WHERE id = ?').run(id);
    });
  }

  listMessages(conversationId: string): ChatMessage[] {
    return this.read(() =>
      this.database
        .prepare('SELECT * FROM messages WHERE conversation_id = ? ORDER BY seq')
        .all(conversationId)
        .map(readMessage),
    );
  }

  addMessages(conversationId: string, messages: readonly ChatMessage[], updatedAtMs: number): void {
    this.write(() => {
      for (const message of messages) this.insertMessage(conversationId, message);
      this.touch(conversationId, updatedAtMs);
    });
  }

  updateAnswer(update: Parameters<ConversationStore['updateAnswer']>[0]): void {
    this.write(() => {
      this.database
        .prepare(
          'UPDATE messages SET content = ?, thinking = ?, status = ?, error_json = ?, metrics_json = ? WHERE id = ?',
        )
        .run(
          update.content,
          update.thinking,
          update.status,
          toJson(update.error),
          toJson(update.metrics),
          update.id,
        );
    });
  }

  replaceAnswer(
    conversationId: string,
    replacedId: string | null,
    answer: ChatMessage,
    updatedAtMs: number,
  ): void {
    this.write(() => {
      if (replacedId !== null) {
        this.database
          .prepare('DELETE FROM messages WHERE id = ? AND conversation_id = ?')
          .run(replacedId, conversationId);
      }
      this.insertMessage(conversationId, answer);
      this.touch(conversationId, updatedAtMs);
    });
  }

  endInterruptedAnswers(): number {
    return this.write(
      () =>
        this.database.prepare("UPDATE messages SET status = 'stopped' WHERE status = 'streaming'").run()
          .changes,
    );
  }

  backUp(): Promise<void> {
    if (this.database.memory || this.changes === this.changesAtBackup || !this.database.open) {
      return this.backingUp ?? Promise.resolve();
    }
    this.backingUp ??= this.copy().finally(() => {
      this.backingUp = null;
    });
    return this.backingUp;
  }

  close(): void {
    if (this.database.open) this.database.close();
  }

  private async copy(): Promise<void> {
    const changes = this.changes;
    await backUpDatabase(this.database, this.file);
    this.changesAtBackup = changes;
  }

  private insertMessage(conversationId: string, message: ChatMessage): void {
    this.database
      .prepare(
        `INSERT INTO messages (id, conversation_id, parent_id, role, content, thinking, model_json, status, error_json,
           metrics_json, created_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        message.id,
        conversationId,
        message.parentId,
        message.role,
        message.content,
        message.thinking,
        toJson(message.model),
        message.status,
        toJson(message.error),
        toJson(message.metrics),
        message.createdAtMs,
      );
  }

  private touch(conversationId: string, updatedAtMs: number): void {
    this.database
      .prepare('UPDATE conversations SET updated_at_ms = ? WHERE id = ?')
      .run(updatedAtMs, conversationId);
  }

  private read<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw mapStorageError(error, this.file);
    }
  }

  private write<T>(action: () => T): T {
    try {
      this.database.exec('BEGIN IMMEDIATE');
      const result = action();
      this.database.exec('COMMIT');
      this.changes += 1;
      return result;
    } catch (error) {
      // On a full disk SQLite has already rolled back; libsql's own `transaction` would then report the failed
      // rollback in place of the cause.
      if (this.database.inTransaction) this.database.exec('ROLLBACK');
      throw mapStorageError(error, this.file);
    }
  }
}

function toJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}

function readConversation(row: unknown): ConversationRow {
  const parsed = conversationRowSchema.parse(row);
  return {
    id: parsed.id,
    title: parsed.title,
    systemPrompt: parsed.system_prompt,
    model: parsed.model_json === null ? null : modelReferenceSchema.parse(JSON.parse(parsed.model_json)),
    createdAtMs: parsed.created_at_ms,
    updatedAtMs: parsed.updated_at_ms,
    messageCount: parsed.message_count,
  };
}

function readMessage(row: unknown): ChatMessage {
  const parsed = messageRowSchema.parse(row);
  return chatMessageSchema.parse({
    id: parsed.id,
    parentId: parsed.parent_id,
    role: parsed.role,
    content: parsed.content,
    thinking: parsed.thinking,
    model: parsed.model_json === null ? null : modelReferenceSchema.parse(JSON.parse(parsed.model_json)),
    status: parsed.status,
    error: parsed.error_json === null ? null : errorDataSchema.parse(JSON.parse(parsed.error_json)),
    metrics: parsed.metrics_json === null ? null : answerMetricsSchema.parse(JSON.parse(parsed.metrics_json)),
    createdAtMs: parsed.created_at_ms,
  });
}
