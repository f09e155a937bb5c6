import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runProgram } from './run-program';

const before = process.cwd();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lm-sandbox-run-program-'));
});
afterEach(async () => {
  process.chdir(before);
  await rm(folder, { recursive: true });
});

it('runs programs where nobody can have put modules for them, wherever the app was started', async () => {
  await writeFile(path.join(folder, 'planted.cjs'), '');
  process.chdir(folder);
  const program = "console.log(process.cwd(), require('fs').existsSync('planted.cjs'))";
  const { output } = await runProgram([process.execPath, '-e', program], { env: process.env });
  expect(output.trim()).toBe('/ false');
});
