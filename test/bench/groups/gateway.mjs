import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { startEngine } from '../../support/engine.mjs';
import { ensureRandomModel, ensureSmallModel } from '../../support/model.mjs';
import { ensureSandboxImage, ensureSandboxTestImage } from '../../support/sandbox-image.mjs';
import { entry } from '../lib/results.mjs';

const container = 'lm_gateway_bench';
const programs = path.join(import.meta.dirname, '../gateway');
const python = '/opt/lm-test/venv/bin/python';

const tokens = { unit: 'tokens/s', baselineName: 'llama-server directly' };

/** How each figure of measure.py is judged. `inverted`: less is better, so the ratio is baseline to value. */
const figures = {
  parallel_sleep: { unit: 'ms', baselineName: 'blocking endpoint', inverted: true, ratioAtLeast: 45 },
  'health_under_load.p95': { unit: 'ms', baselineName: 'idle', ratioAtMost: 3 },
  'run_overhead_ms.p50': { unit: 'ms', valueAtMost: 2 },
  ttft_ms: { unit: 'ms', valueAtMost: 3 },
  v1_ttft_ms: { unit: 'ms', valueAtMost: 3 },
  stream_rate: { ...tokens, ratioAtLeast: 0.99 },
  v1_stream_rate: { ...tokens, ratioAtLeast: 0.99 },
  stream_rate_32: { ...tokens, ratioAtLeast: 0.97 },
  v1_stream_rate_32: { ...tokens, ratioAtLeast: 0.97 },
  stream_fast: tokens,
  v1_stream_fast: tokens,
  flood_growth_mb: { unit: 'MB', valueAtMost: 32 },
  flood_rate: { unit: 'MiB/s', baselineName: 'reading the pipe', ratioAtLeast: 0.5 },
  left_alive: { unit: 'of 7', baselineName: 'blocking endpoint', valueAtMost: 0 },
};

/**
 * The gateway as users run it, in its container, asked from inside it: no engine and no port forwarding between.
 * @param {{ say: (line: string) => void, onRelease: (action: () => Promise<unknown>) => void }} bench
 * @param {import('../lib/results.mjs').Entry[]} entries Filled as they are measured.
 */
export async function benchGateway({ say, onRelease }, entries) {
  const [small, random] = [await ensureSmallModel(), await ensureRandomModel()];
  const engine = await startEngine({ generation: 'modern', name: 'bench-gateway' });
  onRelease(() => engine.stop());
  await ensureSandboxImage(engine);
  const image = await ensureSandboxTestImage(engine);
  await engine.docker(['rm', '--force', '--volumes', container], { allowFailure: true });
  onRelease(() => engine.docker(['rm', '--force', '--volumes', container]));
  const token = randomBytes(24).toString('hex');
  await engine.docker([
    ...['create', '--name', container, '--init', '--cap-drop', 'ALL'],
    ...['--security-opt', 'no-new-privileges', '--pids-limit', '4096', '--volume', `${programs}:/bench:ro`],
    ...['--env', `LM_API_TOKEN=${token}`, '--env', 'LM_COMMANDS_AT_A_TIME=64', image],
  ]);
  for (const model of [small, random]) {
    await engine.docker(['cp', model, `${container}:/models/gguf/${path.basename(model)}`]);
  }
  // llama-server looks for models when it starts.
  await engine.docker(['start', container]);
  await engine.docker(['exec', '--detach', container, python, '-m', 'uvicorn', 'naive:app', ...naiveOptions]);
  await engine.docker(['exec', container, 'sh', '-c', waitForServers]);

  await engine.docker(['exec', '--env', `BENCH_TOKEN=${token}`, container, python, '/bench/measure.py'], {
    timeoutMs: 1_200_000,
    onLine: (line) => {
      if (!line.startsWith('{')) {
        say(line);
        return;
      }
      const { note, name, value, baseline } = JSON.parse(line);
      if (note) say(note);
      else entries.push(judge(name, value, baseline));
    },
  });
}

const naiveOptions = ['--app-dir', '/bench', '--port', '8100', '--log-level', 'warning'];
const waitForServers = `for url in 127.0.0.1:8000/health 127.0.0.1:8100/health 127.0.0.1:9931/health; do
  curl --silent --fail --retry 60 --retry-delay 1 --retry-all-errors --output /dev/null "http://$url" || exit 1
done`;

/**
 * @param {string} name
 * @param {number} value
 * @param {number | null} baseline
 */
function judge(name, value, baseline) {
  const figure = figures[/** @type {keyof typeof figures} */ (name)];
  const { unit, ...options } = { inverted: false, ...figure };
  return entry(`gateway.${name}`, value, unit, baseline === null ? options : { ...options, baseline });
}
