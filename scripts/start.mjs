/**
 * `npm start`: everything from a fresh clone to the open app. See --help.
 * @module
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuild } from './lib/ensure-build.mjs';
import { ensureDependencies } from './lib/ensure-dependencies.mjs';
import { ensureOfficialElectron } from './lib/official-electron.mjs';
import {
  NO_SANDBOX_VARIABLE,
  explainElectronEnd,
  findNodeObstacle,
  findObstacle,
  findSandboxObstacle,
  readElectronSandbox,
  readMachine,
} from './lib/preflight.mjs';

const HELP = `Starts lm-sandbox. The first start installs dependencies, builds the app and downloads Electron.

  npm start
  npm start -- --image-build-argument=NAME=VALUE    a build argument for the sandbox image, may be repeated
  npm start -- --help

Other arguments are passed on to the app.

  ${NO_SANDBOX_VARIABLE}=1    run without Chromium's sandbox (needed as root)
  ELECTRON_MIRROR=URL                 where to download Electron instead of GitHub
  HTTPS_PROXY=URL                     a proxy for that download
`;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const KEPT_STDERR_CHARACTERS = 20_000;
const QUIT_LIMIT_MS = 10_000;

/** @param {string} line */
function fail(line) {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(HELP);
  process.exit(0);
}
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const machine = readMachine(process.env);
const obstacle = findNodeObstacle(process.versions.node, manifest.engines.node) ?? findObstacle(machine);
if (obstacle !== undefined) fail(obstacle);

try {
  await ensureDependencies(ROOT);
  await ensureBuild(ROOT);
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

/** @type {import('./lib/official-electron.mjs').ElectronBinary | undefined} */
let electron;
try {
  electron = await ensureOfficialElectron({
    root: ROOT,
    say: (line) => process.stderr.write(`· ${line}\n`),
  });
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  fail(
    `Electron could not be downloaded (${reason}): allow github.com, or name a mirror with ELECTRON_MIRROR or a proxy with HTTPS_PROXY, and run npm start again.`,
  );
}
if (electron === undefined) throw new Error('unreachable: fail() ends the process');
const sandboxObstacle = findSandboxObstacle(machine, readElectronSandbox(electron.executablePath));
if (sandboxObstacle !== undefined) fail(sandboxObstacle);

const app = spawn(
  electron.executablePath,
  [...(machine.acceptsNoSandbox ? ['--no-sandbox'] : []), ROOT, ...args],
  { stdio: ['inherit', 'inherit', 'pipe'] },
);
let lastWords = '';
app.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
  process.stderr.write(text);
  lastWords = (lastWords + text).slice(-KEPT_STDERR_CHARACTERS);
});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    // Ctrl-C reaches the app by itself, a signal to this process alone does not; a second one does no harm.
    app.kill(signal);
    setTimeout(() => app.kill('SIGKILL'), QUIT_LIMIT_MS).unref();
  });
}
app.once('error', (error) => fail(`Electron could not be started: ${error.message}`));
app.once('close', (code, signal) => {
  if (code === 0) return;
  const explanation = explainElectronEnd(lastWords);
  if (explanation !== undefined) process.stderr.write(`${explanation}\n`);
  process.exit(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1));
});
