import type { Arguments } from './arguments';
import { failure } from './failure';
import type { HostLink } from './host-link';

/** What a verb is given. */
export interface Context {
  readonly verb: string;
  readonly given: Arguments;
  readonly json: boolean;
  readonly connect: () => Promise<HostLink>;
}

/** A line for people. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What goes on, for people who watch; never part of what is printed. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** One JSON value a line. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A yes at the terminal; where there is none, nobody can be asked. */
export async function confirm(question: string, instead: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw failure('cancelled', question, { text: `Nobody can be asked here; to agree, add ${instead}.` });
  }
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw failure('cancelled', 'Nothing was done.');
  } finally {
    terminal.close();
  }
}

/** Calls `onInterrupt` at the first Ctrl+C (or SIGTERM), in place of ending at once; the second one ends this. */
export function onInterrupt(action: () => void): void {
  let before = false;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (before) process.exit(name === 'SIGINT' ? 130 : 143);
      before = true;
      action();
    });
  }
}
