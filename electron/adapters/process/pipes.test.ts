import { closeSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openPipes } from './pipes';

const folder = mkdtempSync(path.join(tmpdir(), 'lm-sandbox-shells-'));
afterAll(() => rmSync(folder, { recursive: true }));
const bashAsSh = path.join(folder, 'sh');
symlinkSync('/bin/bash', bashAsSh);

const shells: readonly { readonly name: string; readonly words: readonly [string, ...string[]] }[] = [
  { name: 'the shell of this computer', words: ['/bin/sh'] },
  { name: '/bin/dash', words: ['/bin/dash'] },
  { name: '/bin/bash', words: [bashAsSh] },
  { name: '/bin/bash as before 5.1', words: ['/usr/bin/env', 'BASH_COMPAT=50', bashAsSh] },
];
const here = shells.filter(({ name }) => !name.startsWith('/') || existsSync(name.split(' ')[0] ?? ''));

it.each(here)('$name makes three pipes that are empty, and end with their only writer', async ({ words }) => {
  const pipes = await openPipes(words);
  pipes.forEach(({ readEnd, writeEnd }, index) => {
    writeSync(writeEnd, `text ${String(index)}`);
    closeSync(writeEnd);
    // Up to its end, which comes only when nobody else can write.
    expect(readFileSync(readEnd, 'utf8')).toBe(`text ${String(index)}`);
    closeSync(readEnd);
  });
});

it('says what is missing where none can be made', async () => {
  await expect(openPipes(['/no/such/shell'])).rejects.toThrow('No pipes for a command can be made');
  await expect(openPipes(['/bin/false'])).rejects.toThrow('the shell has ended');
});
