import { optionsOf, type CompletedOption, type CompletionTable, type VerbWords } from './table';

/** Files only where they are meant: fish would offer them everywhere. */
export function fishScript(table: CompletionTable): string {
  const verbs = Object.entries(table);
  const commands = verbs.filter(([, { beginsCommand }]) => beginsCommand);
  const valued = commands.flatMap(([, verb]) =>
    optionsOf(verb)
      .filter(({ kind }) => kind !== 'flag')
      .flatMap(({ letter, name }) => [`--${name}`, ...(letter === null ? [] : [`-${letter}`])]),
  );
  return `# lm-sandbox completion fish > ~/.config/fish/completions/lm-sandbox.fish
# Whether options of a verb may stand here: not behind --, nor in the command of run and exec.
function __lm_sandbox_at
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test $words[2] = $argv[1]; or return 1
    set -l skip no
    for word in $words[3..]
        if test $skip = yes
            set skip no
        else if test "$word" = --
            return 1
        else if contains -- "$word" ${[...new Set(valued)].join(' ')}
            set skip yes
        else if not string match -q -- '-*' "$word"; and contains -- $argv[1] ${commands.map(([verb]) => verb).join(' ')}
            return 1
        end
    end
end
function __lm_sandbox_verb
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
end
complete -c lm-sandbox -f
complete -c lm-sandbox -n 'test (count (commandline -opc)) -eq 1' -a '${verbs.map(([verb]) => verb).join(' ')}'
complete -c lm-sandbox -n 'test (count (commandline -opc)) -eq 1' -l help
complete -c lm-sandbox -n '__lm_sandbox_verb ${commands.map(([verb]) => verb).join(' ')}' -F
${verbs.flatMap(([name, verb]) => ofVerb(name, verb)).join('\n')}`;
}

function ofVerb(name: string, verb: VerbWords): string[] {
  const condition = `complete -c lm-sandbox -n '__lm_sandbox_at ${name}`;
  return [
    ...optionsOf(verb).map((option) => `${condition}' ${ofOption(option)}`),
    ...(verb.words.length > 0
      ? [`${condition}; and test (count (commandline -opc)) -eq 2' -a '${verb.words.join(' ')}'`]
      : []),
  ];
}

function ofOption({ kind, letter, name, value }: CompletedOption): string {
  const named = `${letter === null ? '' : `-s ${letter} `}-l ${name}`;
  if (kind === 'flag') return named;
  if (value === 'file') return `${named} -r -F`;
  if (value === 'folder') return `${named} -x -a '(__fish_complete_directories)'`;
  return value === 'free' ? `${named} -x` : `${named} -x -a '${value.join(' ')}'`;
}
