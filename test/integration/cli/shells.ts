import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createLocalPtyBackend } from '../../../electron/adapters/pty/local-pty';

/** Completes a line as one Tab would. */
export interface CompletingShell {
  /** The line after it. */
  complete(line: string): Promise<string>;
  close(): void;
}

interface Place {
  /** Files are completed from here. */
  readonly folder: string;
  /** For files of the shell itself. */
  readonly scratch: string;
}

const controlKey = (letter: string) => String.fromCharCode(letter.charCodeAt(0) - 64);

/** A real shell on a real terminal; its own way of telling what stands on its line is bound to two keys. */
async function typedInto(
  command: readonly [string, ...string[]],
  { folder, scratch }: Place,
  setUp: readonly string[],
): Promise<CompletingShell> {
  const shell = await createLocalPtyBackend({
    command: [...command],
    workingFolder: folder,
    environment: {
      PATH: process.env['PATH'] ?? '',
      HOME: scratch,
      TERM: 'dumb',
      LC_ALL: 'C.UTF-8',
      PS1: '% ',
    },
  }).open({ columns: 200, rows: 50 });
  const decoder = new TextDecoder();
  let text = '';
  shell.onData((bytes) => (text += decoder.decode(bytes, { stream: true })));
  const type = (keys: string) => shell.write(new TextEncoder().encode(keys));
  for (const line of [...setUp, 'echo re""ady']) type(`${line}\r`);
  await expect.poll(() => text, { timeout: 20_000 }).toContain('ready');
  let shown = 0;
  return {
    complete: async (line) => {
      shown += 1;
      // Told by number: what an earlier line was must not be taken for this one.
      type(`${line}\t${controlKey('X')}${controlKey('P')}`);
      const wanted = new RegExp(`<<${String(shown)}:(.*?)>>`);
      await expect.poll(() => text, { timeout: 20_000 }).toMatch(wanted);
      const after = wanted.exec(text)?.[1] ?? '';
      type(controlKey('U'));
      return after;
    },
    close: () => void shell.kill(),
  };
}

export async function bash(script: string, place: Place): Promise<CompletingShell> {
  const file = join(place.scratch, 'lm-sandbox.bash');
  await writeFile(file, script);
  return typedInto(['bash', '--norc', '--noprofile', '-i'], place, [
    `source ${file}`,
    `shown=0; tell() { shown=$((shown + 1)); printf '<<%s:%s>>' "$shown" "$READLINE_LINE"; }`,
    `bind -x '"\\C-x\\C-p": tell'; bind 'set bell-style none'; bind 'set page-completions off'`,
  ]);
}

const tellInZsh = [
  `shown=0; tell() { shown=$((shown + 1)); print -rn -- "<<$shown:$BUFFER>>" }`,
  `zle -N tell; bindkey '^X^P' tell; bindkey '^U' kill-whole-line; unsetopt BEEP`,
];

/** As `source` in .zshrc reads it. */
export async function zshSourced(script: string, place: Place): Promise<CompletingShell> {
  const file = join(place.scratch, 'lm-sandbox.zsh');
  await writeFile(file, script);
  return typedInto(['zsh', '-f', '-i'], place, [
    `autoload -Uz compinit; compinit -u -d ${join(place.scratch, 'dump-sourced')}; source ${file}`,
    ...tellInZsh,
  ]);
}

/** From a folder of $fpath, loaded at the first Tab. */
export async function zshAutoloaded(script: string, place: Place): Promise<CompletingShell> {
  const functions = join(place.scratch, 'functions');
  await mkdir(functions);
  await writeFile(join(functions, '_lm-sandbox'), script);
  return typedInto(['zsh', '-f', '-i'], place, [
    `fpath=(${functions} $fpath); autoload -Uz compinit; compinit -u -d ${join(place.scratch, 'dump-loaded')}`,
    ...tellInZsh,
  ]);
}

/** fish tells without a terminal what a Tab would offer; one offer is what it would insert. */
export async function fish(script: string, { folder, scratch }: Place): Promise<CompletingShell> {
  const file = join(scratch, 'lm-sandbox.fish');
  await writeFile(file, script);
  return {
    complete: (line) => {
      const asked = `source ${file}; complete -C '${line}'`;
      const { status, stderr, stdout } = spawnSync('fish', ['--no-config', '-c', asked], {
        cwd: folder,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: scratch, LC_ALL: 'C.UTF-8' },
      });
      expect([status, stderr]).toEqual([0, '']);
      const offers = stdout.split('\n').filter((offer) => offer !== '');
      const [only] = offers.length === 1 ? offers : [];
      const before = line.slice(0, line.lastIndexOf(' ') + 1);
      return Promise.resolve(only === undefined ? line : `${before}${only.split('\t')[0] ?? ''}`);
    },
    close: () => undefined,
  };
}
