import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';

/** Ways in which programs try to outlive their command; each carries its mark in its command line. */
export const leaving: Readonly<Record<string, string>> = {
  'in the background': 'sleep MARK & sleep 60',
  nohup: 'nohup sleep MARK > /dev/null 2>&1 & sleep 60',
  setsid: 'setsid sleep MARK & sleep 60',
  'double fork': '( ( setsid sleep MARK > /dev/null 2>&1 & ) & ); sleep 60',
  'TERM ignored in the shell': `trap '' TERM; sleep MARK; sleep MARK`,
  'TERM ignored in a child': `(trap '' TERM; exec sleep MARK) & sleep 60`,
  'pipe held open': '(exec setsid sleep MARK) & exec sleep 60',
};

let mark = 600;
/** A number of seconds that nobody else sleeps for. */
export const nextMark = (): string => `98765.${process.pid}${mark++}`;

/** Process ids of this computer whose command line has all the words. */
export async function processesWith(...words: readonly string[]): Promise<string[]> {
  const names = (await readdir('/proc')).filter((each) => /^\d+$/.test(each));
  const found = await Promise.all(
    names.map(async (name) => {
      const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      return words.every((word) => line.includes(word)) ? name : null;
    }),
  );
  return found.filter((each) => each !== null);
}

export const sleepers = (seconds: string): Promise<string[]> => processesWith(`sleep\0${seconds}`);
export const gatewaysOf = (dataFolder: string): Promise<string[]> => processesWith(dataFolder, 'lm_gateway');

/** A port of this computer that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
