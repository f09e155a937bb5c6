import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { defaultSettings, type ChatMessage, type StarterState } from '../../../electron/contract';
import { createHost, type Host } from '../../../electron/host/create-host';
import { RpcClient } from '../../../electron/rpc/client';
import { createMemoryTransportPair } from '../../../electron/rpc/transports/memory';
import { silentLogger } from '../../../electron/services/foundation';
import { bundleForTest } from '../../support/embedded-llm.mjs';

// The whole host in the embedded place: no engine, no gateway, the real pip, the real model.
let embeddedLlmFile: string;
let dataFolder: string;
let host: Host | null = null;
let client: RpcClient;
let closePage: () => void = () => undefined;

beforeAll(async () => {
  embeddedLlmFile = await bundleForTest('host');
});
beforeEach(async () => {
  dataFolder = await mkdtemp(path.join(tmpdir(), 'lm-embedded-host-'));
});
afterEach(async () => {
  closePage();
  await host?.dispose();
  host = null;
  await rm(dataFolder, { recursive: true });
});

async function start(assumeYes: boolean): Promise<void> {
  const settings = { ...defaultSettings, sandboxPlace: 'embedded', engineUrl: 'unix:///nowhere/docker.sock' };
  await writeFile(path.join(dataFolder, 'settings.json'), JSON.stringify({ version: 1, settings }));
  host = await createHost({
    appVersion: '0.0.0',
    dataFolder,
    dockerFolder: path.join(__dirname, '../../../docker'),
    imageBuildArguments: {},
    door: 'test',
    logger: silentLogger,
    shell: null,
    checkOutput: true,
    embeddedLlmFile,
    assumeYes,
  });
  const [page, served] = createMemoryTransportPair();
  host.connect(served, 'test');
  closePage = () => page.close();
  client = new RpcClient();
  const connected = new Promise<void>((resolve) =>
    client.onConnectionChanged((state) => {
      if (state === 'connected') resolve();
    }),
  );
  client.attach(page);
  await connected;
}

test('Without a yes nothing is fetched', async () => {
  await start(false);
  const { models, download } = await client.call('starter.status', null);
  expect(models.map(({ installed }) => installed)).toEqual([false, false, false]);
  expect(download).toBeNull();
  expect(await client.call('models.list', null)).toMatchObject({
    runtimes: [{ runtime: 'embedded', state: 'ready' }],
    models: [],
  });
  expect(await readdir(dataFolder)).not.toContain('models');
});

test('With a yes given before, the starter model is fetched by what the machine reaches, and answers', async () => {
  await start(true);
  const ended = (state: StarterState) => state.download !== null && state.download.status !== 'running';
  await expect
    .poll(async () => ended(await client.call('starter.status', null)), { timeout: 280_000, interval: 500 })
    .toBe(true);
  expect((await client.call('starter.status', null)).download).toMatchObject({
    status: 'succeeded',
    error: null,
  });

  const [model] = (await client.call('models.list', null)).models;
  if (!model) throw new Error('The list has no model.');
  expect(model).toMatchObject({ reference: { runtime: 'embedded' }, load: { state: 'unloaded' } });
  const { id: conversationId } = await client.call('chat.create', { model: model.reference });
  await client.call('chat.send', {
    conversationId,
    text: 'What is the capital of France?',
    model: model.reference,
    // As the page asks: nothing is said, so that what the model's authors recommend holds.
    options: { temperature: null, maxTokens: 64 },
  });
  const answer = await new Promise<ChatMessage>((resolve) => {
    client.watch(
      'chat.watch',
      { conversationId },
      {
        onChunk: (chunk, consumed) => {
          consumed();
          const messages =
            chunk.kind === 'message' ? [chunk.message] : chunk.kind === 'snapshot' ? chunk.messages : [];
          const done = messages.find(({ role, status }) => role === 'assistant' && status !== 'streaming');
          if (done) resolve(done);
        },
      },
    );
  });
  expect(answer).toMatchObject({ status: 'complete', metrics: { finishReason: 'stop' } });
  expect(answer.content).toContain('Paris');
  expect(answer.metrics?.tokensPerSecond).toBeGreaterThan(0);

  // By the name of the file alone, as after a restart nothing else is known.
  closePage();
  await host?.dispose();
  await start(false);
  expect((await client.call('models.list', null)).models).toMatchObject([
    { reference: model.reference, sampling: { temperature: 0.2, topP: 0.9 } },
  ]);

  await client.call('models.unload', { model: model.reference });
  await client.call('models.remove', { model: model.reference });
  expect((await client.call('models.list', null)).models).toEqual([]);
}, 400_000);
