import { closeSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openBackgroundLog } from './background-log';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lm-sandbox-log-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('keeps what a host of before, or one that starts at the same time, says', () => {
  const first = openBackgroundLog(folder);
  expect([first.startsAt, statSync(first.logFile).mode & 0o777]).toEqual([0, 0o600]);
  writeSync(first.log, 'one\n');
  const second = openBackgroundLog(folder);
  expect(second.startsAt).toBe(4);
  writeSync(second.log, 'two\n');
  writeSync(first.log, 'three\n');
  expect(readFileSync(first.logFile, 'utf8')).toBe('one\ntwo\nthree\n');
  for (const { log } of [first, second]) closeSync(log);
});

it('keeps the last whole lines of a large one', () => {
  const line = `${'x'.repeat(99)}\n`;
  writeFileSync(path.join(folder, 'background-host.log'), `${line.repeat(20_000)}last\n`);
  const { log, logFile, startsAt } = openBackgroundLog(folder);
  closeSync(log);
  const lines = readFileSync(logFile, 'utf8').split('\n');
  expect([lines[0], lines.at(-2), startsAt]).toEqual(['x'.repeat(99), 'last', statSync(logFile).size]);
  expect(startsAt).toBeGreaterThan(200_000);
  expect(startsAt).toBeLessThanOrEqual(256 * 1024);
});
