import { optionsOf, type CompletionTable, type VerbWords } from './table';

/**
 * Readline splits a line at `=`, so `--gpu=all` comes as three words. Where nothing is offered, `-o default` completes
 * files; bash 3 cannot be told otherwise, newer ones are.
 */
export function bashScript(table: CompletionTable): string {
  return `# lm-sandbox completion bash > ~/.local/share/bash-completion/completions/lm-sandbox
_lm_sandbox() {
  local IFS=$' \\t\\n' current="\${COMP_WORDS[COMP_CWORD]}"
  local options="" valued="" known="" command="" option="" word="" count=0 place=2
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${Object.keys(table).join(' ')} --help" -- "$current"))
    compopt +o default 2>/dev/null
    return
  fi
  case "\${COMP_WORDS[1]}" in
${Object.entries(table)
  .map(([verb, words]) => `    ${verb}) ${ofVerb(words)} ;;`)
  .join('\n')}
  esac
  while [ "$place" -lt "$COMP_CWORD" ]; do
    word="\${COMP_WORDS[place]}" option=""
    place=$((place + 1))
    case "$word" in
      --) return ;;
      -*)
        case " $valued " in
          *" $word "*)
            option="$word"
            [ "\${COMP_WORDS[place]}" = "=" ] && place=$((place + 1))
            [ "$place" -gt "$COMP_CWORD" ] && current=""
            place=$((place + 1))
            ;;
        esac
        ;;
      *)
        [ -n "$command" ] && return
        count=$((count + 1))
        ;;
    esac
  done
  if [ -n "$option" ] && [ "$place" -gt "$COMP_CWORD" ]; then
    case "$option" in
${valueCases(table)}
    esac
    compopt +o default 2>/dev/null
    return
  fi
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *)
      [ -n "$command" ] && return
      [ "$count" -eq 0 ] && COMPREPLY=($(compgen -W "$known" -- "$current"))
      [ -z "$known" ] && [ -z "$current" ] && COMPREPLY=($(compgen -W "$options"))
      ;;
  esac
  compopt +o default 2>/dev/null
}
complete -o default -F _lm_sandbox lm-sandbox`;
}

function ofVerb(verb: VerbWords): string {
  const options = optionsOf(verb);
  const valued = options
    .filter(({ kind }) => kind !== 'flag')
    .flatMap(({ letter, name }) => [`--${name}`, ...(letter === null ? [] : [`-${letter}`])]);
  return [
    `options="${options.map(({ name }) => `--${name}`).join(' ')}"`,
    `valued="${valued.join(' ')}"`,
    `known="${verb.words.join(' ')}"`,
    ...(verb.beginsCommand ? ['command=yes'] : []),
  ].join(' ');
}

/** An option means the same for each verb that has it. */
function valueCases(table: CompletionTable): string {
  const known = new Map<string, string>();
  for (const { letter, name, value } of Object.values(table).flatMap(optionsOf)) {
    if (value === 'free') continue;
    const pattern = [`--${name}`, ...(letter === null ? [] : [`-${letter}`])].join('|');
    if (value === 'file') known.set(pattern, 'return');
    else if (value === 'folder') known.set(pattern, 'compopt -o dirnames +o default 2>/dev/null; return');
    else known.set(pattern, `COMPREPLY=($(compgen -W "${value.join(' ')}" -- "$current"))`);
  }
  return [...known].map(([pattern, action]) => `      ${pattern}) ${action} ;;`).join('\n');
}
