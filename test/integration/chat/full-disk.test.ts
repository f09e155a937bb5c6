import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConversationStore } from '../../../electron/adapters/storage';
import type { ChatMessage } from '../../../electron/contract';

/** Mounting a small file system needs root on Linux. */
const canMount = process.platform === 'linux' && process.getuid?.() === 0;

const message = (id: string, content: string): ChatMessage => ({
  id,
  parentId: null,
  role: 'assistant',
  content,
  thinking: '',
  model: null,
  status: 'streaming',
  error: null,
  metrics: null,
  createdAtMs: 1,
});

describe.skipIf(!canMount)('conversations on a full disk (needs root to mount a small file system)', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lm-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', folder]);
  });
  afterAll(async () => {
    execFileSync('umount', ['--lazy', folder]);
    await rm(folder, { recursive: true });
  });

  it('are told as disk_full, keep what was saved, and can be saved again when there is room', async () => {
    const file = join(folder, 'conversations.db');
    const store = await openConversationStore({ file, nowMs: () => 1 });
    store.saveConversation({
      id: 'c',
      title: null,
      systemPrompt: '',
      model: null,
      createdAtMs: 1,
      updatedAtMs: 1,
    });
    store.addMessages('c', [message('a', 'kept')], 2);
    await writeFile(join(folder, 'ballast'), Buffer.alloc(256 * 1024));

    const long = 'x'.repeat(300_000);
    expect(() => store.updateAnswer(message('a', long))).toThrow(
      expect.objectContaining({ code: 'disk_full' }),
    );
    expect(store.listMessages('c').map(({ content }) => content)).toEqual(['kept']);
    await expect(store.backUp()).rejects.toMatchObject({ code: 'disk_full' });

    await rm(join(folder, 'ballast'));
    store.updateAnswer(message('a', 'longer now'));
    store.close();
    const again = await openConversationStore({ file, nowMs: () => 1 });
    expect([again.openingProblem, again.listMessages('c').map(({ content }) => content)]).toEqual([
      null,
      ['longer now'],
    ]);
    again.close();
  });
});
