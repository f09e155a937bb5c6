/**
 * Runs one command with an engine of the tests, for people: the engine lives as long as the command.
 *
 *     node test/support/engine-shell.mjs modern by-hand -- docker info
 *     node test/support/engine-shell.mjs debian by-hand            # a shell
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ensureBaseImage } from './base-image.mjs';
import { startEngine } from './engine.mjs';

const [generation, name, separator, ...command] = process.argv.slice(2);
if (
  (generation !== 'debian' && generation !== 'modern') ||
  name === undefined ||
  (separator ?? '--') !== '--'
) {
  process.stderr.write('usage: engine-shell.mjs debian|modern NAME [-- COMMAND …]\n');
  process.exit(2);
}
const engine = await startEngine({ generation, name, cdi: generation === 'modern', keepContainers: true });
// Ctrl-C is for the command in the foreground; the engine ends after it.
process.on('SIGINT', () => undefined);
try {
  await ensureBaseImage(engine);
  const [program = process.env['SHELL'] ?? 'sh', ...args] = command;
  const child = spawn(program, args, { stdio: 'inherit', env: engine.env });
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
} finally {
  await engine.stop();
}
