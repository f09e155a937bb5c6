/**
 * The window's app as a child of `npm start`, until it ends.
 * @module
 */
import { spawn } from 'node:child_process';
import { explainElectronEnd } from './preflight.mjs';
import { sayFailure } from './say-failure.mjs';

const KEPT_STDERR_CHARACTERS = 20_000;
const QUIT_LIMIT_MS = 10_000;

/**
 * @param {{ executablePath: string, args: readonly string[], json: boolean }} options With `json` lines of JSON on
 *   standard output, and nothing else there; docs/cli.md promises their fields.
 * @returns {Promise<number>} Its exit code.
 * @throws {Error} One line, when it cannot be started.
 */
export function runWindow({ executablePath, args, json }) {
  const sayJson = (/** @type {object} */ line) => {
    if (json) process.stdout.write(`${JSON.stringify(line)}\n`);
  };
  const app = spawn(executablePath, args, { stdio: ['inherit', json ? 2 : 'inherit', 'pipe'] });
  app.once('spawn', () => sayJson({ type: 'open', way: 'window' }));
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
  return new Promise((resolve, reject) => {
    app.once('error', (error) => reject(new Error(`Electron could not be started: ${error.message}`)));
    app.once('close', (code, signal) => {
      const explanation = code === 0 ? undefined : explainElectronEnd(lastWords);
      if (explanation !== undefined) sayFailure(explanation, { json, code: 'unsupported' });
      const exitCode = code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1);
      sayJson({ type: 'end', exitCode });
      resolve(exitCode);
    });
  });
}
