import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ChatMessage } from '../../contract';
import type { ConversationStore } from '../../services/chat/ports';
import { openConversationStore } from './conversation-store';
import { backupOf } from './sqlite-file';

let folder: string;
let file: string;
const open = (): Promise<ConversationStore> =>
  openConversationStore({ file, nowMs: () => 1_700_000_000_000 });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lm-store-'));
  file = join(folder, 'data', 'conversations.db');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const conversation = (id: string, updatedAtMs = 1) => ({
  id,
  title: null,
  systemPrompt: '',
  model: { runtime: 'ollama' as const, name: 'm' },
  createdAtMs: 1,
  updatedAtMs,
});

const message = (id: string, change: Partial<ChatMessage> = {}): ChatMessage => ({
  id,
  parentId: null,
  role: 'user',
  content: `text of ${id} – 東京`,
  thinking: '',
  model: null,
  status: 'complete',
  error: null,
  metrics: null,
  createdAtMs: 5,
  ...change,
});

async function fill(): Promise<void> {
  const store = await open();
  store.saveConversation(conversation('c'));
  store.addMessages('c', [message('1')], 7);
  await store.backUp();
  store.addMessages('c', [message('2')], 8);
  store.close();
}

describe('the conversation store', () => {
  it('gives back after a restart exactly what was put in, in the order of adding', async () => {
    const answer = message('2', {
      role: 'assistant',
      parentId: '1',
      thinking: 'hm',
      model: { runtime: 'llama-cpp', name: 'SmolLM2' },
      status: 'failed',
      error: {
        code: 'context_overflow',
        message: 'Too long.',
        details: { n_ctx: 5 },
        repair: null,
        retryable: false,
      },
      metrics: {
        promptTokens: 3,
        answerTokens: null,
        timeToFirstTokenMs: 12.5,
        tokensPerSecond: 4.25,
        durationMs: 20,
        finishReason: 'error',
      },
    });
    const first = await open();
    first.saveConversation(conversation('old', 1));
    first.saveConversation(conversation('new', 2));
    first.addMessages('old', [message('1'), answer], 9);
    first.saveConversation({ ...conversation('old', 9), title: 'A title', systemPrompt: 'Be brief.' });
    first.close();

    const second = await open();
    expect(second.openingProblem).toBeNull();
    expect(second.listConversations()).toEqual([
      { ...conversation('old', 9), title: 'A title', systemPrompt: 'Be brief.', messageCount: 2 },
      { ...conversation('new', 2), messageCount: 0 },
    ]);
    expect(second.listMessages('old')).toEqual([message('1'), answer]);
    second.close();
  });

  it('removes a conversation with its messages', async () => {
    const store = await open();
    store.saveConversation(conversation('c'));
    store.addMessages('c', [message('1')], 7);
    store.removeConversation('c');
    expect([store.findConversation('c'), store.listMessages('c')]).toEqual([null, []]);
    store.close();
  });

  it('puts a new answer in the place of the last one and ends what a crash left unfinished', async () => {
    const store = await open();
    store.saveConversation(conversation('c'));
    store.addMessages('c', [message('1'), message('2', { role: 'assistant' })], 7);
    store.replaceAnswer('c', '2', message('3', { role: 'assistant', status: 'streaming' }), 8);
    store.updateAnswer({ ...message('3'), content: 'half', status: 'streaming' });
    expect(store.endInterruptedAnswers()).toBe(1);
    expect(store.listMessages('c').map(({ id, content, status }) => ({ id, content, status }))).toEqual([
      { id: '1', content: message('1').content, status: 'complete' },
      { id: '3', content: 'half', status: 'stopped' },
    ]);
    store.close();
  });

  it('keeps all or nothing of one addition', async () => {
    const store = await open();
    store.saveConversation(conversation('c'));
    expect(() => store.addMessages('c', [message('1'), message('1')], 7)).toThrow(
      expect.objectContaining({ code: 'storage_failed' }),
    );
    expect(store.listMessages('c')).toEqual([]);
    store.close();
  });

  const damages: [string, () => Promise<void>][] = [
    ['overwritten with text', () => writeFile(file, 'this is no database '.repeat(1_000))],
    ['filled with zeros', async () => writeFile(file, Buffer.alloc((await readFile(file)).byteLength))],
    ['cut in the middle', () => truncate(file, 4_096 * 2)],
    [
      'damaged in its pages',
      async () => {
        const bytes = await readFile(file);
        bytes.fill(0xff, 4_096, 4_096 * 4);
        await writeFile(file, bytes);
      },
    ],
  ];
  it.each(damages)('sets a file %s aside, takes the last good copy and says so', async (_name, damage) => {
    await fill();
    await damage();
    const damaged = await readFile(file);
    const store = await open();
    expect(store.openingProblem).toMatchObject({ code: 'storage_corrupt' });
    expect(store.listMessages('c')).toEqual([message('1')]);
    store.addMessages('c', [message('later')], 9);
    store.close();
    const kept = String(store.openingProblem?.details['keptFile']);
    expect((await readFile(kept)).equals(damaged)).toBe(true);

    const next = await open();
    expect([next.openingProblem, next.listMessages('c').length]).toEqual([null, 2]);
    next.close();
  });

  it('starts empty, and says so, when the copy is damaged too', async () => {
    await fill();
    await writeFile(file, 'broken'.repeat(1_000));
    await copyFile(file, backupOf(file));
    const store = await open();
    expect(store.openingProblem).toMatchObject({ code: 'storage_corrupt' });
    expect(store.listConversations()).toEqual([]);
    store.close();
    const kept = (await readdir(join(folder, 'data'))).filter((name) => /\.damaged-.*Z(-\d)?$/.test(name));
    expect(kept).toHaveLength(2);
  });

  it('works in memory, and says that nothing is saved, where it cannot write', async () => {
    await writeFile(join(folder, 'data'), 'a file where the folder should be');
    const store = await open();
    store.saveConversation(conversation('c'));
    expect(store.openingProblem?.message).toMatch(/^Conversations are not saved/);
    expect(store.listConversations()).toHaveLength(1);
    store.close();
  });

  it('leaves a file of a newer version as it is', async () => {
    await fill();
    const raw = new Libsql(file);
    raw.pragma('user_version = 99');
    raw.close();
    const store = await open();
    expect(store.openingProblem).toMatchObject({ code: 'storage_failed', details: { version: 99 } });
    expect(store.listConversations()).toEqual([]);
    store.close();
    const untouched = new Libsql(file);
    expect(untouched.prepare('SELECT count(*) AS count FROM messages').get()).toMatchObject({ count: 2 });
    untouched.close();
  });

  it('is for its owner only, in a folder that others may read and from an earlier version, too', async () => {
    await mkdir(join(folder, 'data'), { mode: 0o755 });
    await writeFile(file, '', { mode: 0o644 });
    await writeFile(backupOf(file), '', { mode: 0o644 });
    await fill();
    await truncate(file, 100);
    (await open()).close();
    const store = await open();
    store.saveConversation(conversation('another'));
    const names = await readdir(join(folder, 'data'));
    expect(names).toContain('conversations.db-wal');
    for (const name of names) {
      expect([name, (await stat(join(folder, 'data', name))).mode & 0o777]).toEqual([name, 0o600]);
    }
    store.close();
  });

  it('copies a whole state while it is written to', async () => {
    const store = await open();
    store.saveConversation(conversation('c'));
    store.addMessages('c', [message('1')], 7);
    const backup = store.backUp();
    for (let index = 0; index < 200; index += 1) {
      store.addMessages('c', [message(`w${index}`, { content: 'x'.repeat(2_000) })], 8);
    }
    await backup;
    store.close();
    const copy = new Libsql(backupOf(file));
    expect(copy.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    const ids = copy
      .prepare('SELECT id FROM messages ORDER BY seq')
      .all()
      .map((row) => z.object({ id: z.string() }).parse(row).id);
    expect(ids).toEqual(['1', ...Array.from({ length: ids.length - 1 }, (_, index) => `w${index}`)]);
    copy.close();
  });
});
