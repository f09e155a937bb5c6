/**
 * `npm test`: all set-up, then every check and test, then one line with their sum. See --help.
 * @module
 */
import { mkdir } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../test/support/cache.mjs';
import { Unavailable, formatDuration } from '../test/support/report.mjs';
import { ensureDependencies } from './lib/ensure-dependencies.mjs';
import { describeTroubles, sum } from './lib/outcomes.mjs';
import { findNodeObstacle } from './lib/preflight.mjs';

/** @typedef {import('./lib/outcomes.mjs').Outcome} Outcome */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const REPORTS = join(ROOT, 'test-results', 'reports');
const LIMIT_MINUTES = 85;

/** @param {string} [line] */
function print(line = '') {
  process.stdout.write(`${line}\n`);
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const obstacle = findNodeObstacle(process.versions.node, manifest.engines.node);
if (obstacle !== undefined) {
  process.stderr.write(`${obstacle}\n`);
  process.exit(1);
}
// Whoever ends this process ends what it started: children are killed in the handlers of `exit`.
for (const [signal, number] of /** @type {const} */ ([
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
])) {
  process.once(signal, () => process.exit(128 + number));
}

const { STEPS } = await import('./lib/test-steps.mjs');
const chosen = process.argv.slice(2);
if (chosen.includes('--help') || chosen.includes('-h')) {
  print('Sets up what the tests need, runs them and ends with "N passed, N failed, N skipped".\n');
  print('  npm test                 everything');
  print('  npm test -- unit e2e     these steps only\n');
  for (const { name, describe } of STEPS) print(`  ${name.padEnd(12)} ${describe}`);
  print(`\nWhat is costly to make is kept in ${cacheFolder()} (LM_SANDBOX_TEST_CACHE names another folder).`);
  process.exit(0);
}
const unknown = chosen.filter((name) => !STEPS.some((step) => step.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no step ${unknown.join(', ')}; there are: ${STEPS.map(({ name }) => name).join(', ')}.\n`,
  );
  process.exit(2);
}
const steps = chosen.length === 0 ? STEPS : STEPS.filter(({ name }) => chosen.includes(name));

const started = Date.now();
/** @type {Outcome[]} */
const outcomes = [];
/** @type {string[]} */
const durations = [];

/**
 * @param {import('./lib/test-steps.mjs').Step} step
 * @returns {Promise<Outcome[]>}
 */
async function runStep({ name, limitMinutes, run }) {
  const left = LIMIT_MINUTES * 60_000 - (Date.now() - started);
  if (left <= 0) {
    const reason = `it was not run: the tests have taken ${LIMIT_MINUTES} minutes already`;
    return [{ suite: name, title: 'the step', state: 'failed', reason }];
  }
  try {
    const limitMs = Math.min(left, limitMinutes * 60_000);
    return await run({ root: ROOT, reports: REPORTS, limitMs, show: (line) => print(`  ${line}`) });
  } catch (error) {
    if (error instanceof Unavailable) {
      return [{ suite: name, title: 'the step', state: 'skipped', reason: error.message }];
    }
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [{ suite: name, title: 'the step', state: 'failed', reason }];
  }
}

try {
  await ensureDependencies(ROOT);
  await mkdir(REPORTS, { recursive: true });
  for (const step of steps) {
    print(`\n== ${step.name}: ${step.describe}`);
    const stepStarted = Date.now();
    const found = await runStep(step);
    outcomes.push(...found);
    const duration = formatDuration(Date.now() - stepStarted);
    durations.push(`${step.name} ${duration}`);
    print(`-- ${step.name}: ${sum(found).line} (${duration})`);
  }
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  outcomes.push({ suite: 'set-up', title: 'dependencies', state: 'failed', reason });
}

print();
for (const line of describeTroubles(outcomes)) print(line);
print(`Took ${formatDuration(Date.now() - started)}: ${durations.join(', ')}`);
const { line, passed, failed } = sum(outcomes);
// Written before the process ends: standard output may be a pipe.
process.stdout.write(`${line}\n`, () => process.exit(failed === 0 && passed > 0 ? 0 : 1));
