import { Terminal } from '@xterm/headless';
import type { Terminal as PageTerminal } from '@xterm/xterm';
import { describe, expect, it } from 'vitest';
import { silenceQueries } from './silence-queries';

const queries = [
  '\x1b[6n',
  '\x1b[5n',
  '\x1b[?6n',
  '\x1b[c',
  '\x1b[>c',
  '\x1b[=c',
  '\x1b[>q',
  '\x1b[18t',
  '\x1b[4$p',
  '\x1b[?2004$p',
  '\x1bP$qm\x1b\\',
  '\x1bP$qr\x1b\\',
  '\x1b]10;?\x07',
  '\x1b]11;?\x07',
  '\x1b]4;1;?\x07',
  '\x1b]52;c;?\x07',
];

/** The emulator without a display has the same parser and answers as the one of the page. */
async function repliesTo(output: string, silenced: boolean): Promise<string[]> {
  const terminal = new Terminal({ allowProposedApi: true, windowOptions: { getWinSizeChars: true } });
  if (silenced) silenceQueries(terminal as unknown as PageTerminal);
  const replies: string[] = [];
  terminal.onData((data) => replies.push(data));
  await new Promise<void>((resolve) => terminal.write(output, resolve));
  return replies;
}

describe('a page', () => {
  it.each(queries)('leaves the query %j to the host', async (query) => {
    expect(await repliesTo(query, true)).toEqual([]);
  });

  it('would answer most of them itself otherwise', async () => {
    const answered = await Promise.all(queries.map((query) => repliesTo(query, false)));
    expect(answered.filter((replies) => replies.length > 0).length).toBeGreaterThanOrEqual(8);
  });
});
