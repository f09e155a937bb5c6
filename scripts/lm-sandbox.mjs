#!/usr/bin/env node
/**
 * The program `lm-sandbox` from a clone (`npx lm-sandbox`, or `npm link` once): sets up what is missing, as
 * `npm start` does, and hands over to the built program. While a host runs nothing is looked at, so that one command
 * costs no more than it must.
 * @module
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = join(ROOT, 'out', 'main', 'cli.cjs');
/** What `npm start` does by itself. */
const APP_VERBS = ['start', 'serve'];

const [verb, ...words] = process.argv.slice(2);
const wantsHelp = words.includes('--help') || words.includes('-h');
if (verb !== undefined && APP_VERBS.includes(verb) && !wantsHelp) {
  process.argv.splice(2, Infinity, ...(verb === 'serve' ? ['--serve'] : []), ...words);
  await import('./start.mjs');
} else {
  if (!existsSync(PROGRAM) || (needsHost() && !existsSync(join(dataFolder(), 'host.sock')))) await setUp();
  createRequire(import.meta.url)(PROGRAM);
}

async function setUp() {
  const { ensureDependencies } = await import('./lib/ensure-dependencies.mjs');
  const { ensureBuild } = await import('./lib/ensure-build.mjs');
  try {
    await ensureDependencies(ROOT);
    await ensureBuild(ROOT);
  } catch (error) {
    const { sayFailure } = await import('./lib/say-failure.mjs');
    const end = words.indexOf('--');
    sayFailure(error, {
      json: words.slice(0, end === -1 ? undefined : end).includes('--json'),
      prefix: 'lm-sandbox: ',
    });
    process.exit(verb === 'run' || verb === 'exec' ? 125 : 1);
  }
}

function needsHost() {
  return (
    verb !== undefined && !verb.startsWith('-') && verb !== 'help' && verb !== 'completion' && !wantsHelp
  );
}

/** As electron/headless/data-folder.ts. */
function dataFolder() {
  const place = words.findIndex((word) => word === '--' || word.startsWith('--data-folder'));
  const word = words[place] ?? '--';
  const given = word === '--data-folder' ? words[place + 1] : word.split('=')[1];
  const config = process.env['XDG_CONFIG_HOME'];
  const base = config && isAbsolute(config) ? config : join(homedir(), '.config');
  return given ?? process.env['LM_SANDBOX_DATA_FOLDER'] ?? join(base, 'lm-sandbox');
}
