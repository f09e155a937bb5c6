/**
 * The steps of `npm test`: what each runs and how its outcome is read.
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startDisplay } from '../../test/support/display.mjs';
import { ensureTestElectron } from '../../test/support/electron.mjs';
import { ensureEnginePrograms } from '../../test/support/engine-programs.mjs';
import { startEngine } from '../../test/support/engine.mjs';
import { ensureRandomModel, ensureSmallModel } from '../../test/support/model.mjs';
import { CommandFailed, run } from '../../test/support/process.mjs';
import { Unavailable } from '../../test/support/report.mjs';
import { ensureSandboxImage, ensureSandboxTestImage } from '../../test/support/sandbox-image.mjs';
import { ensureSystemPackages } from '../../test/support/system-packages.mjs';
import { ensureBuild } from './ensure-build.mjs';
import { findSandboxObstacle, readElectronSandbox, readMachine } from './preflight.mjs';
import { checkReport, readJunitReport, readPlaywrightReport, readVitestReport } from './outcomes.mjs';

/** @typedef {import('./outcomes.mjs').Outcome} Outcome */

/**
 * @typedef {object} StepContext
 * @property {string} root Folder of the project.
 * @property {string} reports Folder for reports.
 * @property {number} limitMs How long this step may take.
 * @property {(line: string) => void} show Prints a line of a program's output.
 */

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} describe
 * @property {number} limitMinutes
 * @property {(context: StepContext) => Promise<Outcome[]>} run Throws Unavailable to be skipped as a whole.
 */

/** @type {readonly Step[]} */
export const STEPS = [
  { name: 'types', describe: 'TypeScript over all runtimes', limitMinutes: 10, run: runTypes },
  { name: 'lint', describe: 'ESLint and Prettier', limitMinutes: 15, run: runLint },
  { name: 'layers', describe: 'who may import whom', limitMinutes: 5, run: runLayers },
  { name: 'unit', describe: 'unit, contract and layer tests', limitMinutes: 15, run: runUnit },
  { name: 'build', describe: 'the app built', limitMinutes: 10, run: runBuild },
  { name: 'gateway', describe: 'the gateway in its own image', limitMinutes: 30, run: runGateway },
  { name: 'integration', describe: 'against real engines', limitMinutes: 30, run: runIntegration },
  { name: 'package', describe: 'the app packaged', limitMinutes: 15, run: runPackage },
  { name: 'e2e', describe: 'the packaged app and a browser, end to end', limitMinutes: 40, run: runEndToEnd },
  { name: 'bare', describe: 'from a fresh clone, with Node alone', limitMinutes: 20, run: runBare },
];

/**
 * A program that is a test by itself: it passes or it does not.
 * @param {StepContext} context
 * @param {string} suite
 * @param {string} title
 * @param {readonly string[]} command A program of node_modules/.bin and its arguments.
 * @returns {Promise<Outcome>}
 */
async function check(context, suite, title, [program = '', ...args]) {
  try {
    await run(join(context.root, 'node_modules', '.bin', program), args, {
      cwd: context.root,
      timeoutMs: context.limitMs,
      onLine: context.show,
    });
    return { suite, title, state: 'passed' };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return { suite, title, state: 'failed', reason: error.message };
  }
}

/** @param {StepContext} context */
async function runTypes(context) {
  return [await check(context, 'types', 'tsc --build', ['tsc', '--build'])];
}

/** @param {StepContext} context */
async function runLint(context) {
  return [
    await check(context, 'lint', 'eslint', ['eslint', '.']),
    await check(context, 'lint', 'prettier --check', [
      ...['prettier', '--check', '--log-level', 'warn'],
      ...['--cache', '.'],
    ]),
  ];
}

/** @param {StepContext} context */
async function runLayers(context) {
  const command = ['depcruise', 'electron', 'renderer', '--config', '.dependency-cruiser.cjs'];
  return [await check(context, 'layers', 'dependency-cruiser', command)];
}

/**
 * @param {StepContext} context
 * @param {string} suite
 * @param {readonly string[]} projects
 * @param {readonly string[]} [files] Parts of the paths of what is run; without any, everything.
 * @returns {Promise<Outcome[]>}
 */
async function runVitest(context, suite, projects, files = []) {
  const report = join(context.reports, `${suite}.json`);
  await rm(report, { force: true });
  const { code } = await run(
    join(context.root, 'node_modules', '.bin', 'vitest'),
    [
      ...[
        'run',
        '--reporter=default',
        `--reporter=${join(context.root, 'scripts', 'lib', 'vitest-reporter.mjs')}`,
      ],
      ...projects.flatMap((project) => ['--project', project]),
      ...files,
    ],
    {
      cwd: context.root,
      env: { ...process.env, NO_COLOR: '1', LM_SANDBOX_REPORT_FILE: report },
      timeoutMs: context.limitMs,
      onLine: context.show,
      allowFailure: true,
    },
  );
  if (!existsSync(report)) return checkReport(suite, [], code);
  return checkReport(suite, readVitestReport(suite, JSON.parse(await readFile(report, 'utf8'))), code);
}

/** @param {StepContext} context */
async function runUnit(context) {
  return runVitest(context, 'unit', ['unit', 'renderer', 'contract', 'layers']);
}

/** What is tested against this computer alone. */
const WITHOUT_ENGINES = ['test/integration/embedded/'];

/**
 * @param {StepContext} context
 * @returns {Promise<Outcome[]>}
 */
async function runIntegration(context) {
  const reason = await whyUnavailable(() => prepareEngines(context));
  if (reason === undefined) return runVitest(context, 'integration', ['integration']);
  return [
    ...(await runVitest(context, 'integration', ['integration'], WITHOUT_ENGINES)),
    { suite: 'integration', title: 'against real engines', state: 'skipped', reason },
  ];
}

/**
 * @param {StepContext} context
 * @returns {Promise<Outcome[]>}
 */
async function runBuild(context) {
  /** @type {Outcome} */
  const outcome = { suite: 'build', title: 'electron-vite build', state: 'passed' };
  try {
    await ensureBuild(context.root);
    return [outcome];
  } catch (error) {
    return [{ ...outcome, state: 'failed', reason: error instanceof Error ? error.message : String(error) }];
  }
}

/** @param {StepContext} context */
async function runPackage(context) {
  await ensureTestElectron();
  return [await packageApp(context)];
}

/**
 * @param {StepContext} context
 * @returns {Promise<Outcome>}
 */
async function packageApp(context) {
  /** @type {Outcome} */
  const outcome = { suite: 'package', title: 'electron-builder', state: 'passed' };
  try {
    await run(process.execPath, [join(context.root, 'scripts', 'package.mjs'), '--test-electron'], {
      cwd: context.root,
      timeoutMs: context.limitMs,
      onLine: context.show,
    });
    return outcome;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return { ...outcome, state: 'failed', reason: error.message };
  }
}

/**
 * @param {() => Promise<void>} work
 * @returns {Promise<string | undefined>} Why it cannot be done on this machine; undefined when it is done.
 */
async function whyUnavailable(work) {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof Unavailable) return error.message;
    throw error;
  }
}

/**
 * Makes what suites that start engines need, once and before their own time limits run: images and models.
 * @param {StepContext} context
 */
async function prepareEngines(context) {
  await ensureEnginePrograms('modern');
  await ensureEnginePrograms('debian');
  await ensureSystemPackages(['registry']);
  await ensureSmallModel();
  await ensureRandomModel();
  const engine = await startEngine({ generation: 'modern', name: 'images' });
  try {
    await ensureSandboxImage(engine);
  } finally {
    await engine.stop();
  }
  context.show('engines, images and models are ready');
}

/**
 * A checker of Python sources, as the test image has it, over the sources of the checkout.
 * @param {StepContext} context
 * @param {import('../../test/support/engine.mjs').Engine} engine
 * @param {string} image
 * @param {readonly string[]} command
 * @returns {Promise<Outcome>}
 */
async function checkPython(context, engine, image, [program = '', ...args]) {
  const sources = join(context.root, 'docker', 'gateway');
  const { code, stdout, stderr } = await engine.docker(
    [
      ...['run', '--rm', '--volume', `${sources}:/sources:ro`, '--workdir', '/sources'],
      ...['--entrypoint', `/opt/lm-test/venv/bin/${program}`, image, ...args],
    ],
    { timeoutMs: context.limitMs, onLine: context.show, allowFailure: true },
  );
  const outcome = { suite: 'gateway', title: program };
  if (code === 0) return { ...outcome, state: 'passed' };
  return { ...outcome, state: 'failed', reason: `${stdout}\n${stderr}`.trim() };
}

/** @param {StepContext} context */
async function runGateway(context) {
  await ensureEnginePrograms('modern');
  const model = await ensureSmallModel();
  const engine = await startEngine({ generation: 'modern', name: 'images' });
  const report = join(context.reports, 'gateway.xml');
  await rm(report, { force: true });
  try {
    await ensureSandboxImage(engine);
    const image = await ensureSandboxTestImage(engine);
    const script = join(context.root, 'docker', 'gateway', 'run-tests.sh');
    const { code } = await run('sh', [script, image, report, model], {
      env: engine.env,
      timeoutMs: context.limitMs,
      onLine: context.show,
      allowFailure: true,
    });
    const xml = existsSync(report) ? await readFile(report, 'utf8') : '';
    return [
      ...checkReport('gateway', readJunitReport('gateway', xml), code),
      await checkPython(context, engine, image, ['ruff', 'check', '--no-cache', '.']),
      await checkPython(context, engine, image, ['mypy', '--cache-dir=/tmp/mypy']),
    ];
  } finally {
    await engine.stop();
  }
}

/**
 * @param {StepContext} context
 * @returns {Promise<Outcome[]>}
 */
async function runEndToEnd(context) {
  const electron = await ensureTestElectron();
  const obstacle = findSandboxObstacle(
    readMachine(process.env),
    readElectronSandbox(electron.executablePath),
  );
  if (obstacle !== undefined) throw new Unavailable(obstacle, 'do as this says, or run the tests as root');
  const withoutEngine = await whyUnavailable(() => prepareEngines(context));
  const packaged = await packageApp(context);
  if (packaged.state === 'failed') {
    const reason = `it was not run, because the app could not be packaged:\n${packaged.reason}`;
    return [{ suite: 'e2e', title: 'the suite', state: 'failed', reason }];
  }
  const report = join(context.reports, 'e2e.json');
  await mkdir(context.reports, { recursive: true });
  await rm(report, { force: true });
  const display = await startDisplay();
  try {
    const { code } = await run(
      join(context.root, 'node_modules', '.bin', 'playwright'),
      ['test', '--project', 'desktop', '--project', 'browser', '--reporter=list,json'],
      {
        cwd: context.root,
        env: {
          ...display.env,
          // Specs that need an engine skip themselves with this reason; the others still run.
          ...(withoutEngine === undefined ? {} : { LM_SANDBOX_TEST_NO_ENGINE: withoutEngine }),
          LM_SANDBOX_TEST_APP: join(context.root, 'dist', 'test', 'linux-unpacked', 'lm-sandbox'),
          PLAYWRIGHT_JSON_OUTPUT_NAME: report,
        },
        timeoutMs: context.limitMs,
        onLine: context.show,
        allowFailure: true,
      },
    );
    if (!existsSync(report)) return checkReport('e2e', [], code);
    return checkReport('e2e', readPlaywrightReport('e2e', JSON.parse(await readFile(report, 'utf8'))), code);
  } finally {
    await display.stop();
  }
}

/**
 * @param {StepContext} context
 * @returns {Promise<Outcome[]>}
 */
async function runBare(context) {
  const report = join(context.reports, 'bare.json');
  await rm(report, { force: true });
  const { code } = await run(
    join(context.root, 'node_modules', '.bin', 'playwright'),
    ['test', '--project', 'bare', '--reporter=list,json'],
    {
      cwd: context.root,
      env: { ...process.env, PLAYWRIGHT_JSON_OUTPUT_NAME: report },
      timeoutMs: context.limitMs,
      onLine: context.show,
      allowFailure: true,
    },
  );
  if (!existsSync(report)) return checkReport('bare', [], code);
  return checkReport('bare', readPlaywrightReport('bare', JSON.parse(await readFile(report, 'utf8'))), code);
}
