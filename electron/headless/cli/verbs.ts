import { parseArguments, type Arguments, type OptionTable } from './arguments';
import { build, buildOptions } from './build-verb';
import type { Context } from './context';
import { usage } from './failure';
import { helpText } from './help';
import type { HostLink } from './host-link';
import { logs, logsOptions } from './logs-verb';
import { down, downOptions, status, up, upOptions } from './sandbox-verbs';

interface Verb {
  readonly options: OptionTable;
  /** Words that it takes, at most. */
  readonly words: number;
  readonly perform: (context: Context) => Promise<number>;
}

/** `run`, `start` and `serve` are elsewhere: the first for its speed, the others because they are no callers. */
const table: Readonly<Record<string, Verb>> = {
  build: { options: buildOptions, words: 0, perform: (context) => build(context) },
  up: { options: upOptions, words: 0, perform: up },
  down: { options: downOptions, words: 0, perform: down },
  logs: { options: logsOptions, words: 0, perform: logs },
  status: { options: {}, words: 0, perform: status },
};

export async function verbs(
  name: string,
  words: readonly string[],
  connect: (given: Arguments) => Promise<HostLink>,
): Promise<number> {
  const verb = Object.hasOwn(table, name) ? table[name] : undefined;
  if (!verb) {
    if (helpText(name) === null) throw usage(`There is no “${name}”.`);
    // Of those that others do, only the help.
    process.stdout.write(help(name));
    return 0;
  }
  const given = parseArguments(words, name, verb.options);
  if (given.flag('help')) {
    process.stdout.write(help(name));
    return 0;
  }
  if (given.words.length > verb.words) {
    throw usage(`“${given.words.slice(verb.words).join(' ')}” is too much for “${name}”.`, name);
  }
  return verb.perform({ verb: name, given, json: given.flag('json'), connect: () => connect(given) });
}

/** Of one verb, or of the whole. */
export function help(name: string | null): string {
  const text = helpText(name);
  if (text === null) throw usage(`There is no “${name ?? ''}”.`);
  return text;
}
