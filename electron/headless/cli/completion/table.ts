import { commonOptions, shortNames, type OptionKind, type OptionTable } from '../arguments';

/** What a verb takes, from the tables that parse it, so that a completion offers nothing that is refused. */
export interface VerbWords {
  readonly options: OptionTable;
  /** What its first word may be; empty where that is anybody's guess. */
  readonly words: readonly string[];
  /** Its first word begins a command, whose words are not ours: files are completed there, as ever. */
  readonly beginsCommand: boolean;
}

export type CompletionTable = Readonly<Record<string, VerbWords>>;

/** What an option's value may be: one of these words, a path on this computer, or something nobody can guess. */
export type Value = readonly string[] | 'folder' | 'file' | 'free';

const values: Readonly<Record<string, Value>> = {
  gpu: ['all', 'none'],
  lines: ['all'],
  'data-folder': 'folder',
  'tls-cert': 'file',
  'tls-key': 'file',
};

export interface CompletedOption {
  readonly name: string;
  readonly kind: OptionKind;
  /** The letter that stands for it; null where there is none. */
  readonly letter: string | null;
  readonly value: Value;
}

export function optionsOf({ options }: VerbWords): CompletedOption[] {
  return Object.entries({ ...options, ...commonOptions }).map(([name, kind]) => ({
    name,
    kind,
    letter: Object.keys(shortNames).find((letter) => shortNames[letter] === name) ?? null,
    value: values[name] ?? 'free',
  }));
}
