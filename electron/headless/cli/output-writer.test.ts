import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { OutputWriter } from './output-writer';

it('writes pieces in their order', async () => {
  const file = path.join(tmpdir(), `lm-sandbox-output-${String(process.pid)}`);
  const descriptor = openSync(file, 'wx');
  const writer = new OutputWriter(descriptor);
  void writer.write('one ');
  await writer.write(Buffer.from('two'));
  closeSync(descriptor);
  expect([readFileSync(file, 'utf8'), writer.busy, writer.broken]).toEqual(['one two', false, false]);
  rmSync(file);
});

it('tells once why nothing more can be written, and drops the rest', async () => {
  const descriptor = openSync('/dev/full', 'w');
  const reasons: (string | undefined)[] = [];
  const writer = new OutputWriter(descriptor, ({ code }) => reasons.push(code));
  void writer.write('one');
  await writer.write('two');
  closeSync(descriptor);
  expect([reasons, writer.broken, writer.busy]).toEqual([['ENOSPC'], true, false]);
});
