import { bashScript } from './completion/bash';
import { fishScript } from './completion/fish';
import type { CompletionTable } from './completion/table';
import { zshScript } from './completion/zsh';
import { say, sayJson, type Context } from './context';
import { usage } from './failure';

const shells = ['bash', 'zsh', 'fish'] as const;

/** Prints the script for a shell. */
export function completion({ given, json }: Context, table: CompletionTable): number {
  const [shell] = given.words;
  const make = { bash: bashScript, zsh: zshScript, fish: fishScript };
  const known = shells.find((each) => each === shell);
  if (!known) throw usage('Say for which shell: bash, zsh or fish.', 'completion');
  const script = make[known](table);
  if (json) sayJson({ shell: known, script });
  else say(script);
  return 0;
}
