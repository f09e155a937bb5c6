import { commonOptions, type OptionTable } from './arguments';
import { say, sayJson, type Context } from './context';
import { usage } from './failure';

/** What each verb takes, from the tables that parse it, so that a completion offers nothing that is refused. */
export type CompletionTable = Readonly<
  Record<string, { readonly options: OptionTable; readonly words: readonly string[] }>
>;

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

function optionsOf(options: OptionTable): string[] {
  return Object.keys({ ...options, ...commonOptions }).map((name) => `--${name}`);
}

function cases(table: CompletionTable): string {
  return Object.entries(table)
    .map(
      ([verb, { options, words }]) =>
        `    ${verb}) words="${[...optionsOf(options), ...words].join(' ')}" ;;`,
    )
    .join('\n');
}

/** Behind the command of `run` and `exec`, files are completed as ever. */
function bashScript(table: CompletionTable): string {
  return `# lm-sandbox completion bash > ~/.local/share/bash-completion/completions/lm-sandbox
_lm_sandbox() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${Object.keys(table).join(' ')} --help" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases(table)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _lm_sandbox lm-sandbox`;
}

function zshScript(table: CompletionTable): string {
  const choices = Object.entries(table)
    .map(
      ([verb, { options, words }]) =>
        `    ${verb}) compadd -- ${[...optionsOf(options), ...words].join(' ')} ;;`,
    )
    .join('\n');
  return `#compdef lm-sandbox
# lm-sandbox completion zsh > a folder of $fpath, as _lm-sandbox
_lm_sandbox() {
  if (( CURRENT == 2 )); then
    compadd -- ${Object.keys(table).join(' ')} --help
    return
  fi
  case "\${words[2]}" in
${choices}
  esac
  _files
}
compdef _lm_sandbox lm-sandbox`;
}

function fishScript(table: CompletionTable): string {
  const lines = Object.entries(table).flatMap(([verb, { options, words }]) => [
    `complete -c lm-sandbox -n __fish_use_subcommand -a ${verb}`,
    ...Object.entries({ ...options, ...commonOptions }).map(
      ([name, kind]) =>
        `complete -c lm-sandbox -n '__fish_seen_subcommand_from ${verb}' -l ${name}${kind === 'flag' ? '' : ' -r'}`,
    ),
    ...(words.length > 0
      ? [`complete -c lm-sandbox -n '__fish_seen_subcommand_from ${verb}' -f -a '${words.join(' ')}'`]
      : []),
  ]);
  return ['# lm-sandbox completion fish > ~/.config/fish/completions/lm-sandbox.fish', ...lines].join('\n');
}
