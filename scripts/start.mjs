/**
 * `npm start`: everything from a fresh clone to the open app. See --help.
 * @module
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBuild } from './lib/ensure-build.mjs';
import { ensureDependencies } from './lib/ensure-dependencies.mjs';
import { ensureOfficialElectron } from './lib/official-electron.mjs';
import {
  NO_SANDBOX_VARIABLE,
  findNodeObstacle,
  findObstacle,
  findSandboxObstacle,
  findServing,
  readElectronSandbox,
  readMachine,
} from './lib/preflight.mjs';
import { runWindow } from './lib/run-window.mjs';
import { sayFailure } from './lib/say-failure.mjs';

const JSON_ARGUMENT = '--json';
const YES_ARGUMENT = '--yes';
const YES_VARIABLE = 'LM_SANDBOX_YES';
/** As electron/headless/data-folder.ts. */
const DATA_FOLDER_VARIABLE = 'LM_SANDBOX_DATA_FOLDER';

const HELP = `Starts lm-sandbox. The first start installs dependencies, builds the app and downloads Electron.

  npm start                    opens a window; without a display, or without Electron, serves browsers instead
  npm start -- --serve         serves browsers in any case, on loopback
  npm start -- --link          a new one-time link to the host that is running
  npm start -- --help

Both ways:
  --data-folder DIR                     settings and conversations; if not given what LM_SANDBOX_DATA_FOLDER names, else
                                        ~/.config/lm-sandbox
  --image-build-argument=NAME=VALUE     a build argument for the sandbox image, may be repeated
  --yes                                 for unattended runs: fetches the starter model (about 100 MB) without asking
                                        where the embedded sandbox has none; LM_SANDBOX_YES=1 says the same
  --json                                for programs: lines of JSON on standard output, see docs/cli.md

When serving browsers:
  --port N                              instead of 7410
  --host H --tls-cert F --tls-key F --allow-remote
                                        on another address than loopback; all four are needed then
  --allow-origin URL                    browsers come by this origin too (a proxy in front), may be repeated

Other arguments are passed on to the window's app.

  ${NO_SANDBOX_VARIABLE}=1    run without Chromium's sandbox (needed as root)
  ELECTRON_MIRROR=URL                 where to download Electron instead of GitHub
  HTTPS_PROXY=URL                     a proxy for that download
`;

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const json = process.argv.includes(JSON_ARGUMENT);

/**
 * @param {unknown} error An Error, or a sentence.
 * @param {'internal' | 'unsupported'} [code]
 */
function fail(error, code) {
  sayFailure(error, { json, ...(code && { code }) });
  process.exit(1);
}

const args = process.argv.slice(2).filter((argument) => argument !== YES_ARGUMENT);
// The host, here or below Electron, reads it.
if (process.argv.includes(YES_ARGUMENT)) process.env[YES_VARIABLE] = '1';
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(HELP);
  process.exit(0);
}
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const machine = readMachine(process.env);
const serving = findServing(args, machine);
const obstacle =
  findNodeObstacle(process.versions.node, manifest.engines.node) ??
  (serving ? undefined : findObstacle(machine));
if (obstacle !== undefined) fail(obstacle, 'unsupported');

try {
  await ensureDependencies(ROOT);
  await ensureBuild(ROOT);
} catch (error) {
  fail(error);
}

if (serving) await serveBrowsers(serving.reason);
else await openWindow();

/**
 * The host in this very process, so that whoever supervises it supervises the host.
 * @param {string | undefined} reason Why there is no window; undefined where none was asked for.
 */
async function serveBrowsers(reason) {
  if (reason !== undefined) process.stderr.write(`· ${reason}\n`);
  const host = join(ROOT, 'out', 'main', 'headless.cjs');
  process.argv.splice(1, process.argv.length - 1, host, ...args);
  await import(pathToFileURL(host).href);
}

async function openWindow() {
  /** @type {import('./lib/official-electron.mjs').ElectronBinary} */
  let electron;
  try {
    electron = await ensureOfficialElectron({
      root: ROOT,
      say: (line) => process.stderr.write(`· ${line}\n`),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(
      `· Electron could not be downloaded (${reason}). For a window, allow github.com, or name a mirror with ELECTRON_MIRROR or a proxy with HTTPS_PROXY.\n`,
    );
    return serveBrowsers('Without Electron, browsers are served instead of opening a window.');
  }
  const sandboxObstacle = findSandboxObstacle(machine, readElectronSandbox(electron.executablePath));
  if (sandboxObstacle !== undefined) fail(sandboxObstacle, 'unsupported');

  try {
    process.exit(
      await runWindow({
        executablePath: electron.executablePath,
        args: [...(machine.acceptsNoSandbox ? ['--no-sandbox'] : []), ROOT, ...electronArguments()],
        json,
      }),
    );
  } catch (error) {
    fail(error);
  }
}

/** Electron has a name of its own for the data folder. */
function electronArguments() {
  const passed = args.filter((argument) => argument !== JSON_ARGUMENT);
  const place = passed.indexOf('--data-folder');
  if (place !== -1) {
    return [
      ...passed.slice(0, place),
      `--user-data-dir=${passed[place + 1] ?? ''}`,
      ...passed.slice(place + 2),
    ];
  }
  const folder = process.env[DATA_FOLDER_VARIABLE];
  const named = passed.map((argument) => argument.replace(/^--data-folder=/, '--user-data-dir='));
  const isNamed = named.some((argument) => argument.startsWith('--user-data-dir='));
  return folder && !isNamed ? [...named, `--user-data-dir=${resolve(folder)}`] : named;
}
