import { optionsOf, type CompletedOption, type CompletionTable, type VerbWords } from './table';

/**
 * From a folder of $fpath the file is the body of the function that completes, and is to complete at its first call, too;
 * read by `source`, it only says who completes.
 */
export function zshScript(table: CompletionTable): string {
  return `#compdef lm-sandbox
# lm-sandbox completion zsh > a folder of $fpath, as _lm-sandbox
_lm_sandbox() {
  if (( CURRENT == 2 )); then
    compadd -- ${Object.keys(table).join(' ')} --help
    return
  fi
  shift words
  (( CURRENT-- ))
  case "\${words[1]}" in
${Object.entries(table)
  .map(([verb, words]) => `    ${verb}) _arguments ${ofVerb(words)} ;;`)
  .join('\n')}
  esac
}
if [ "\${funcstack[1]}" = "_lm-sandbox" ]; then
  _lm_sandbox "$@"
else
  compdef _lm_sandbox lm-sandbox
fi`;
}

function ofVerb(verb: VerbWords): string {
  const rest = verb.beginsCommand
    ? ["'*:command:_files'"]
    : verb.words.length > 0
      ? [`'1:word:(${verb.words.join(' ')})'`]
      : [];
  // Options of ours end at the command, and at --.
  const start = verb.beginsCommand ? ['-S', '-A', "'-*'"] : ['-S'];
  return [...start, ...optionsOf(verb).flatMap(ofOption), ...rest].join(' ');
}

function ofOption({ kind, letter, name, value }: CompletedOption): string[] {
  if (kind === 'flag') return [`'--${name}'`, ...(letter === null ? [] : [`'-${letter}'`])];
  const action =
    value === 'file'
      ? '_files'
      : value === 'folder'
        ? '_path_files -/'
        : value === 'free'
          ? ' '
          : `(${value.join(' ')})`;
  const often = kind === 'list' ? '*' : '';
  return [
    `'${often}--${name}=:${name}:${action}'`,
    ...(letter === null ? [] : [`'${often}-${letter}:${name}:${action}'`]),
  ];
}
