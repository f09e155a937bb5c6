import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { bundleForTest } from '../../support/embedded-llm.mjs';
import { startEngine } from '../../support/engine.mjs';
import { ensureSmallModel } from '../../support/model.mjs';
import { ensureSandboxImage } from '../../support/sandbox-image.mjs';
import { entry } from '../lib/results.mjs';
import { median } from '../lib/statistics.mjs';

const container = 'lm_anywhere_bench';
const hostPort = 18_493;
const threads = 2;
const rounds = 9;
const answerTokens = 128;
const question = 'Write a long story about a sea captain and his ship.';

/**
 * Tokens a second of the embedded llama.cpp and of llama-server, on the same file, with as many threads and the
 * same sampling, each as it reports them; one answer of each in turn.
 * @param {{ say: (line: string) => void, onRelease: (action: () => Promise<unknown>) => void }} bench
 * @param {import('../lib/results.mjs').Entry[]} entries
 */
export async function benchEmbeddedTokens({ say, onRelease }, entries) {
  const model = await ensureSmallModel();
  const server = await startServer(model, onRelease);
  const embedded = await startEmbedded(model, onRelease);

  /** @type {number[]} */ const embeddedRates = [];
  /** @type {number[]} */ const serverRates = [];
  // The first answer of each is warm-up.
  for (let round = 0; round <= rounds; round += 1) {
    const rates = [await server.answer(), await embedded.answer()];
    if (round === 0) continue;
    serverRates.push(rates[0]);
    embeddedRates.push(rates[1]);
  }
  say(`llama-server ${list(serverRates)}; embedded ${list(embeddedRates)} tokens/s`);
  entries.push(
    entry('embedded.tokens_per_s', median(embeddedRates), 'tokens/s', {
      baseline: median(serverRates),
      baselineName: 'llama-server',
      ratioAtLeast: 0.95,
    }),
  );
}

/** @param {readonly number[]} rates */
function list(rates) {
  return rates.map((rate) => rate.toFixed(0)).join(' ');
}

/**
 * @param {string} model
 * @param {(action: () => Promise<unknown>) => void} onRelease
 */
async function startServer(model, onRelease) {
  const engine = await startEngine({ generation: 'modern', name: 'bench-anywhere' });
  onRelease(() => engine.stop());
  const image = await ensureSandboxImage(engine);
  await engine.docker(['rm', '--force', '--volumes', container], { allowFailure: true });
  onRelease(() => engine.docker(['rm', '--force', '--volumes', container]));
  await engine.docker([
    ...['create', '--name', container, '--publish', `127.0.0.1:${hostPort}:8100`],
    ...['--entrypoint', 'llama-server', image, '--model', '/tmp/model.gguf', '--threads', String(threads)],
    ...['--ctx-size', '8192', '--parallel', '1', '--host', '0.0.0.0', '--port', '8100', '--no-webui'],
  ]);
  await engine.docker(['cp', model, `${container}:/tmp/model.gguf`]);
  await engine.docker(['start', container]);
  const url = `http://127.0.0.1:${hostPort}`;
  for (let tries = 0; ; tries += 1) {
    const response = await fetch(`${url}/health`).catch(() => null);
    if (response?.ok) break;
    if (tries > 240) throw new Error('llama-server did not become healthy.');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return {
    answer: async () => {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        body: JSON.stringify({
          messages: [{ role: 'user', content: question }],
          ...{
            temperature: 0.8,
            top_k: 40,
            top_p: 0.95,
            min_p: 0.05,
            max_tokens: answerTokens,
            stream: true,
          },
        }),
      });
      const rate = /"predicted_per_second":([\d.]+)/.exec(await response.text())?.[1];
      if (rate === undefined) throw new Error('llama-server gave no timings.');
      return Number(rate);
    },
  };
}

/**
 * The process of the app, spoken to as the host does.
 * @param {string} model
 * @param {(action: () => Promise<unknown>) => void} onRelease
 */
async function startEmbedded(model, onRelease) {
  const child = fork(await bundleForTest('bench'), [], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  onRelease(async () => {
    if (child.connected) child.disconnect();
    await ended;
  });
  /** @param {readonly string[]} types */
  const next = (types) =>
    new Promise((resolve, reject) => {
      /** @param {any} message */
      const take = (message) => {
        if (!types.includes(message.type) && !/failed/i.test(message.type)) return;
        child.off('message', take);
        if (types.includes(message.type)) resolve(message);
        else reject(new Error(message.error.message));
      };
      child.on('message', take);
      child.once('exit', () => reject(new Error('The model process ended.')));
    });
  const loaded = next(['loaded']);
  child.send({ type: 'load', file: path.resolve(model), threads });
  await loaded;
  let id = 0;
  return {
    answer: async () => {
      id += 1;
      const finish = next(['finish']);
      const turns = [{ role: 'user', content: question }];
      child.send({ type: 'chat', id, turns, temperature: 0.8, maxTokens: answerTokens });
      return Number((await finish).tokensPerSecond);
    },
  };
}
