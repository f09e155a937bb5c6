import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../../support/process.mjs';
import { entry } from '../lib/results.mjs';
import { median } from '../lib/statistics.mjs';

const program = fileURLToPath(new URL('../../../out/main/cli.cjs', import.meta.url));
const containerName = 'lm_bench_cli';
const pairs = 30;

/** @typedef {import('../lib/bench-rig.mjs').Rig} Rig */

/**
 * `lm-sandbox run -- true`, the start of Node included, against `docker exec … true` in the same container; in turn.
 * The host runs already, as the engine does.
 * @param {Rig} rig
 * @param {import('../lib/results.mjs').Entry[]} entries
 */
export async function benchCliRun(rig, entries) {
  rig.say('one command by lm-sandbox');
  const docker = findProgram('docker');
  if (docker === undefined) throw new Error('There is no docker program: sudo apt-get install docker.io');
  const dataFolder = await mkdtemp(path.join(tmpdir(), 'lm-sandbox-bench-cli-'));
  const settings = {
    ...{ containerName, imageName: rig.image, gpu: 'none', hostPort: 18_438 },
    ...{ workspaceVolume: 'lm_bench_cli_workspace', modelsVolume: 'lm_bench_cli_models' },
  };
  await writeFile(path.join(dataFolder, 'settings.json'), JSON.stringify({ version: 1, settings }));
  const engine = `unix://${String(rig.docker.modem.socketPath)}`;
  const env = {
    ...{ ...process.env, DOCKER_HOST: engine, LM_SANDBOX_DATA_FOLDER: dataFolder },
    // Where it names a file, each start of Node reads all its certificates first, whatever the program: some 90 ms.
    NODE_EXTRA_CA_CERTS: undefined,
  };
  /** @param {string} command @param {readonly string[]} words @returns {Promise<number>} Milliseconds. */
  const time = (command, words) =>
    new Promise((resolve, reject) => {
      const begun = performance.now();
      const child = spawn(command, words, { env, stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => (said += text));
      child.once('error', reject);
      child.once('close', (code) => {
        if (code === 0) resolve(performance.now() - begun);
        else reject(new Error(`${words.join(' ')} ended with ${String(code)}: ${said}`));
      });
    });
  const ours = (/** @type {string[]} */ ...words) => time(process.execPath, [program, ...words]);
  try {
    await ours('up');
    /** @type {number[]} */ const runMs = [];
    /** @type {number[]} */ const execMs = [];
    // The first of each is warm-up.
    for (let pair = 0; pair <= pairs; pair += 1) {
      const times = [await ours('run', '--', 'true'), await time(docker, ['exec', containerName, 'true'])];
      if (pair === 0) continue;
      runMs.push(times[0] ?? NaN);
      execMs.push(times[1] ?? NaN);
    }
    entries.push(
      entry('cli.run_true', median(runMs), 'ms', {
        baseline: median(execMs),
        baselineName: 'docker exec',
        ratioAtMost: 1.3,
      }),
    );
  } finally {
    await ours('down', '--host').catch(() => undefined);
    await rig.docker
      .getContainer(containerName)
      .remove({ force: true, v: true })
      .catch(() => undefined);
    await rm(dataFolder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
