/**
 * Python environments of the tests' own, so that nothing is installed into the machine's Python.
 * @module
 */
import { join } from 'node:path';
import { ensureArtefact } from './cache.mjs';
import { findProgram, run } from './process.mjs';
import { Unavailable } from './report.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/**
 * @param {object} environment
 * @param {string} environment.name Of the artefact in the cache.
 * @param {string} environment.key What the packages are: versions or the hash of a lock file.
 * @param {readonly string[]} environment.install Arguments for `pip install`.
 * @returns {Promise<string>} Its Python program.
 */
export async function ensurePython({ name, key, install }) {
  if (findProgram('python3') === undefined || !(await canMakeEnvironments())) {
    await ensureSystemPackages(['python']);
  }
  const version = (await run('python3', ['--version'])).stdout.trim();
  const folder = await ensureArtefact({
    name,
    key: `${version} ${key}`,
    describe: `the Python environment ${name}`,
    // Moved after it is made: its Python finds itself by its own place; only the scripts in bin/ would not.
    make: async (partial) => {
      await run('python3', ['-m', 'venv', '--copies', join(partial, 'venv')]);
      if (install.length === 0) return;
      await run(join(partial, 'venv', 'bin', 'python'), [
        ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'],
        ...install,
      ]);
    },
    verify: async (found) =>
      (await run(join(found, 'venv', 'bin', 'python'), ['-c', ''], { allowFailure: true })).code === 0,
  });
  return join(folder, 'venv', 'bin', 'python');
}

async function canMakeEnvironments() {
  const probe = await run('python3', ['-c', 'import venv, ensurepip'], { allowFailure: true });
  if (probe.code !== 0 && findProgram('apt-get') === undefined) {
    throw new Unavailable('Python cannot make virtual environments here.', 'install venv for python3');
  }
  return probe.code === 0;
}
