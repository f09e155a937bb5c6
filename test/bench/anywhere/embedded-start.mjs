import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startHeadlessHost } from '../../support/headless.mjs';
import { loadLocalHostClient } from '../../support/local-client.mjs';
import { columns, rows } from '../lib/bench-rig.mjs';
import { entry } from '../lib/results.mjs';
import { median } from '../lib/statistics.mjs';

const pairs = 10;
const prompt = /[$#] $/;
const promptLimitMs = 30_000;

/** @typedef {import('../lib/bench-rig.mjs').Rig} Rig */

/**
 * From the request to start the embedded sandbox, its trial of bubblewrap included, to the prompt of its first shell,
 * against a shell in a new container of the image; in turn.
 * @param {Rig} rig
 * @param {import('../lib/results.mjs').Entry[]} entries
 */
export async function benchEmbeddedStart(rig, entries) {
  rig.say('start to prompt');
  const dataFolder = await mkdtemp(path.join(tmpdir(), 'lm-sandbox-bench-embedded-'));
  rig.onRelease(() => rm(dataFolder, { recursive: true, force: true }));
  const settings = { sandboxPlace: 'embedded', engineUrl: `unix://${dataFolder}/no-engine.sock` };
  await writeFile(path.join(dataFolder, 'settings.json'), JSON.stringify({ version: 1, settings }));
  const host = await startHeadlessHost({ dataFolder });
  const connection = await (await loadLocalHostClient())(path.join(dataFolder, 'host.sock'));
  try {
    if (!connection) throw new Error('The host does not answer at its local socket.');
    /** @type {number[]} */ const embeddedMs = [];
    /** @type {number[]} */ const containerMs = [];
    // The first of each is warm-up.
    for (let pair = 0; pair <= pairs; pair += 1) {
      const times = [await embeddedPrompt(connection.client), await containerPrompt(rig)];
      if (pair === 0) continue;
      embeddedMs.push(times[0]);
      containerMs.push(times[1]);
    }
    entries.push(
      entry('embedded.start_to_prompt_ms', median(embeddedMs), 'ms', {
        baseline: median(containerMs),
        baselineName: 'a new container',
      }),
    );
  } finally {
    connection?.close();
    await host.close();
  }
}

/**
 * @param {import('../../../electron/rpc/client').RpcClient} client
 * @returns {Promise<number>} Milliseconds.
 */
async function embeddedPrompt(client) {
  await client.call('embedded.stop', null);
  const begun = performance.now();
  const { state, isolation, error } = await client.call('embedded.start', null);
  if (state !== 'ready' || isolation.kind !== 'bubblewrap') {
    throw new Error(`The embedded sandbox did not start: ${error?.message ?? JSON.stringify(isolation)}`);
  }
  const { id } = await client.call('terminal.open', { columns, rows });
  const decoder = new TextDecoder();
  let text = '';
  await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`No prompt: ${text}`)), promptLimitMs).unref();
    client.watch(
      'terminal.attach',
      { id },
      {
        onChunk: (chunk, consumed) => {
          if (chunk.kind === 'snapshot') text = chunk.screen;
          if (chunk.kind === 'data') text += decoder.decode(chunk.bytes, { stream: true });
          consumed();
          if (prompt.test(withoutControls(text))) resolve(undefined);
        },
        onEnd: () => reject(new Error(`The shell ended before its prompt: ${text}`)),
      },
    );
  });
  const ms = performance.now() - begun;
  await client.call('terminal.close', { id });
  return ms;
}

/** @param {Rig} rig @returns {Promise<number>} Milliseconds. */
async function containerPrompt(rig) {
  const begun = performance.now();
  const container = await rig.docker.createContainer({
    ...{ Image: rig.image, Entrypoint: ['/bin/bash', '-l'], Tty: true, OpenStdin: true },
    ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
  });
  try {
    const stream = await container.attach({
      ...{ stream: true, hijack: true, stdin: true, stdout: true, stderr: true },
    });
    let text = '';
    const timer = setTimeout(() => stream.destroy(new Error(`No prompt: ${text}`)), promptLimitMs);
    await container.start();
    for await (const chunk of stream) {
      text += chunk;
      if (!prompt.test(withoutControls(text))) continue;
      clearTimeout(timer);
      return performance.now() - begun;
    }
    throw new Error(`The container ended before its prompt: ${text}`);
  } finally {
    await container.remove({ force: true });
  }
}

/** @param {string} text Of a terminal. @returns {string} Without escape sequences, which may follow a prompt. */
function withoutControls(text) {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\u001b(?:\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\[[0-9;?]*[@-~])/g, '');
}
