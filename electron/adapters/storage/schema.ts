/**
 * The steps from one version of the file to the next; `PRAGMA user_version` holds how many were done. A step is
 * never changed once released: a new one is added.
 *
 * `parent_id` is there for branches, which share the messages before the fork; today each message follows the one
 * before it. `seq` is the order of adding.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    title TEXT,
    system_prompt TEXT NOT NULL DEFAULT '',
    model_json TEXT,
    created_at_ms REAL NOT NULL,
    updated_at_ms REAL NOT NULL
  ) STRICT;
  CREATE INDEX conversations_by_update ON conversations (updated_at_ms DESC);

  CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id TEXT,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    thinking TEXT NOT NULL,
    model_json TEXT,
    status TEXT NOT NULL,
    error_json TEXT,
    metrics_json TEXT,
    created_at_ms REAL NOT NULL
  ) STRICT;
  CREATE INDEX messages_of_conversation ON messages (conversation_id, seq);
  CREATE INDEX messages_unfinished ON messages (status) WHERE status = 'streaming';
  `,
];
