import { usage } from './failure';

/** `flag` stands alone, `value` takes the next word (or what follows `=`), `list` may be repeated. */
export type OptionKind = 'flag' | 'value' | 'list';
export type OptionTable = Readonly<Record<string, OptionKind>>;

/** Every verb takes these. */
export const commonOptions = { json: 'flag', help: 'flag', 'data-folder': 'value' } as const;
export const shortNames: Readonly<Record<string, string>> = {
  h: 'help',
  f: 'follow',
  n: 'lines',
  e: 'env',
  w: 'cwd',
  m: 'model',
};

export interface Arguments {
  flag(name: string): boolean;
  value(name: string): string | null;
  list(name: string): readonly string[];
  /** What is no option, before `--`. */
  readonly words: readonly string[];
  /** What follows `--`, untouched; null where there is none. */
  readonly rest: readonly string[] | null;
}

/**
 * Written by hand, since `run` is to start quickly: `util.parseArgs` and its checks take longer than the whole of this.
 * @throws CliFailure for an option that the table does not have.
 */
export function parseArguments(words: readonly string[], verb: string, table: OptionTable): Arguments {
  const kinds: OptionTable = { ...commonOptions, ...table };
  const values = new Map<string, string[]>();
  const plain: string[] = [];
  let rest: readonly string[] | null = null;
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '--') {
      rest = words.slice(index + 1);
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      plain.push(word);
      continue;
    }
    const [written = '', ...given] = word.replace(/^--?/, '').split('=');
    const name = word.startsWith('--') ? written : (shortNames[written] ?? written);
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (!kind) throw usage(`${word} is no option of “${verb}”.`, verb);
    const had = values.get(name) ?? [];
    values.set(name, had);
    if (kind === 'flag') {
      if (given.length > 0) throw usage(`--${name} takes no value.`, verb);
      had.push('');
      continue;
    }
    const value = given.length > 0 ? given.join('=') : words[(index += 1)];
    if (value === undefined) throw usage(`--${name} needs a value.`, verb);
    if (kind === 'value' && had.length > 0) throw usage(`--${name} is given twice.`, verb);
    had.push(value);
  }
  return {
    flag: (name) => values.has(name),
    value: (name) => values.get(name)?.[0] ?? null,
    list: (name) => values.get(name) ?? [],
    words: plain,
    rest,
  };
}

/** Seconds, or with s, m or h behind the number, in milliseconds. */
export function parseDuration(text: string, verb: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const factor = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? 0;
  const milliseconds = Math.round(Number(number) * factor);
  if (milliseconds > 0) return milliseconds;
  throw usage(`“${text}” is no time; write 30, 90s, 5m or 1h.`, verb);
}
