import { serveOptionTable } from '../option-table';
import { parseArguments, type Arguments, type OptionKind, type OptionTable } from './arguments';
import { build, buildOptions } from './build-verb';
import { chat, chatOptions } from './chat-verb';
import { completion } from './completion-verb';
import type { CompletionTable } from './completion/table';
import type { Context } from './context';
import { exec, execOptions } from './exec-verb';
import { usage } from './failure';
import { helpText } from './help';
import type { HostLink } from './host-link';
import { logs, logsOptions } from './logs-verb';
import { models, modelsOptions } from './models-verb';
import { optionsFirst, runOptions } from './run';
import { down, downOptions, status, up, upOptions } from './sandbox-verbs';

interface Verb {
  readonly options: OptionTable;
  /** Words that it takes, at most. */
  readonly words: number;
  /** Those words that are known beforehand, for completion. */
  readonly known?: readonly string[];
  readonly perform: (context: Context) => Promise<number> | number;
}

/** `run`, `start` and `serve` are elsewhere: the first for its speed, the others because they are no callers. */
const table: Readonly<Record<string, Verb>> = {
  exec: { options: execOptions, words: Infinity, perform: exec },
  build: { options: buildOptions, words: 0, perform: (context) => build(context) },
  up: { options: upOptions, words: 0, perform: up },
  down: { options: downOptions, words: 0, perform: down },
  logs: { options: logsOptions, words: 0, perform: logs },
  status: { options: {}, words: 0, perform: status },
  chat: { options: chatOptions, words: Infinity, perform: chat },
  models: {
    options: modelsOptions,
    words: 2,
    known: ['list', 'pull', 'load', 'unload', 'delete'],
    perform: models,
  },
  completion: {
    options: {},
    words: 1,
    known: ['bash', 'zsh', 'fish'],
    perform: (context) => completion(context, completionTable()),
  },
};

function completionTable(): CompletionTable {
  const here = Object.entries(table).map(
    ([verb, { known = [], options }]) =>
      [verb, { options, words: known, beginsCommand: verb === 'exec' }] as const,
  );
  return {
    run: { options: runOptions, words: [], beginsCommand: true },
    ...Object.fromEntries(here),
    start: { options: appOptions(['link']), words: [], beginsCommand: false },
    serve: { options: appOptions([]), words: [], beginsCommand: false },
  };
}

/** What people write behind `start` and `serve`; --yes is read by scripts/start.mjs. */
function appOptions(without: readonly string[]): OptionTable {
  const kinds = Object.entries(serveOptionTable)
    .filter(([name]) => !['serve', 'background', ...without].includes(name))
    .map(([name, { type, ...more }]): [string, OptionKind] => [
      name,
      type === 'boolean' ? 'flag' : 'multiple' in more ? 'list' : 'value',
    ]);
  return { ...Object.fromEntries(kinds), yes: 'flag' };
}

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
  const given = parseArguments(name === 'exec' ? optionsFirst(words) : words, name, verb.options);
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
