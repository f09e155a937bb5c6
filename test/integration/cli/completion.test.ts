import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Unavailable } from '../../support/report.mjs';
import { ensureSystemPackages } from '../../support/system-packages.mjs';
import { Cli } from './harness';
import { bash, fish, zshAutoloaded, zshSourced, type CompletingShell } from './shells';

const obstacle = await ensureSystemPackages(['shells']).then(
  () => null,
  (error: unknown) => {
    if (error instanceof Unavailable) return error.message;
    throw error;
  },
);

/** A line, and the word that its last one becomes; null where nothing is to be offered. */
const cases: readonly (readonly [line: string, becomes: string | null])[] = [
  ['lm-sandbox stat', 'status'],
  ['lm-sandbox comp', 'completion'],
  ['lm-sandbox plai', null],
  ['lm-sandbox up --rec', '--recreate'],
  ['lm-sandbox serve --allow-r', '--allow-remote'],
  ['lm-sandbox start --ye', '--yes'],
  ['lm-sandbox status --data-fo', '--data-folder'],
  ['lm-sandbox models pu', 'pull'],
  ['lm-sandbox models pull plai', null],
  ['lm-sandbox completion fi', 'fish'],
  // Values.
  ['lm-sandbox up --gpu n', 'none'],
  ['lm-sandbox up --gpu=n', '--gpu=none'],
  ['lm-sandbox logs -n al', 'all'],
  ['lm-sandbox chat --model plai', null],
  ['lm-sandbox serve --tls-cert plai', 'plain.txt'],
  ['lm-sandbox status --data-folder fol', 'folder/'],
  ['lm-sandbox status --data-folder plai', null],
  ['lm-sandbox status plai', null],
  // Options of ours end where the command begins.
  ['lm-sandbox run --no-st', '--no-stdin'],
  ['lm-sandbox run -w /tmp --no-st', '--no-stdin'],
  ['lm-sandbox run -- plai', 'plain.txt'],
  ['lm-sandbox run -- cat plai', 'plain.txt'],
  ['lm-sandbox run -- cat --no-st', null],
  ['lm-sandbox run cat plai', 'plain.txt'],
  ['lm-sandbox run -e A=1 cat --no-st', null],
  ['lm-sandbox run plai', 'plain.txt'],
  ['lm-sandbox exec -- cat fol', 'folder/'],
];

describe('completion in a real shell', () => {
  const cli = new Cli({});
  let scratch = '';
  let folder = '';
  beforeAll(async () => {
    await cli.open({});
    scratch = await mkdtemp(join(tmpdir(), 'lm-sandbox-shells-'));
    folder = join(scratch, 'work');
    await mkdir(join(folder, 'folder'), { recursive: true });
    await writeFile(join(folder, 'plain.txt'), '');
  });
  afterAll(async () => {
    await rm(scratch, { recursive: true, force: true });
    await rm(cli.dataFolder, { recursive: true });
  });

  it.for([
    ['bash', 'bash', bash],
    ['zsh', 'zsh, sourced', zshSourced],
    ['zsh', 'zsh, from its $fpath', zshAutoloaded],
    ['fish', 'fish', fish],
  ] as const)('of %s knows verbs, options, values and files (%s)', async ([name, , open], { skip }) => {
    if (obstacle !== null) skip(obstacle);
    const { text } = await cli.run('completion', name);
    let shell: CompletingShell | null = null;
    try {
      shell = await open(text, { folder, scratch });
      const seen: (readonly [string, string])[] = [];
      for (const [line] of cases) {
        // What stands behind a word that is whole, until the next one is typed.
        seen.push([line, (await shell.complete(line)).replace(/[ =]$/, '')]);
      }
      const wanted = cases.map(([line, becomes]) => [
        line,
        becomes === null ? line : `${line.slice(0, line.lastIndexOf(' ') + 1)}${becomes}`,
      ]);
      expect(seen).toEqual(wanted);
    } finally {
      shell?.close();
    }
  });
});
