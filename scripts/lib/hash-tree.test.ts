import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashTree } from './hash-tree.mjs';

describe('the hash of a tree', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'lm-sandbox-hash-'));
    await mkdir(join(root, 'source', 'node_modules'), { recursive: true });
    await writeFile(join(root, 'source', 'a.ts'), 'a');
  });
  afterEach(() => rm(root, { recursive: true }));

  const changes: [string, () => Promise<void>][] = [
    ['content', () => writeFile(join(root, 'source', 'a.ts'), 'b')],
    ['a new file', () => writeFile(join(root, 'source', 'b.ts'), '')],
    ['an executable bit', () => chmod(join(root, 'source', 'a.ts'), 0o755)],
    ['a missing file', () => rm(join(root, 'source', 'a.ts'))],
  ];
  it.each(changes)('changes with %s', async (_title, change) => {
    const before = await hashTree(root, ['source']);
    await change();
    expect(await hashTree(root, ['source'])).not.toBe(before);
  });

  it('stays the same for what never decides the result', async () => {
    const before = await hashTree(root, ['source'], { exclude: ['source/left-out'] });
    await writeFile(join(root, 'source', 'node_modules', 'x'), 'x');
    await mkdir(join(root, 'source', 'left-out'));
    expect(await hashTree(root, ['source'], { exclude: ['source/left-out'] })).toBe(before);
  });

  it('depends on the salt', async () => {
    expect(await hashTree(root, ['source'], { salt: 'one' })).not.toBe(
      await hashTree(root, ['source'], { salt: 'two' }),
    );
  });
});
