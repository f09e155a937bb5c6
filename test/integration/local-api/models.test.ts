import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { createEmbeddedRuntime } from '../../../electron/adapters/bubblewrap';
import {
  createEmbeddedLlm,
  createModelServer,
  modelSocketPath,
  type EmbeddedLlm,
} from '../../../electron/adapters/embedded-llm';
import { createLocalGateway } from '../../../electron/adapters/local-gateway';
import { createLocalPtyLauncher } from '../../../electron/adapters/pty/local-pty';
import { EmbeddedService } from '../../../electron/services/embedded';
import { FakeSettings } from '../../../electron/services/embedded/embedded-service.fakes';
import { silentLogger, systemClock } from '../../../electron/services/foundation';
import { LocalApiService } from '../../../electron/services/local-api';
import { bundleForTest } from '../../support/embedded-llm.mjs';
import { ensureSmallModel } from '../../support/model.mjs';
import { describeWithBubblewrap } from '../embedded/with-bubblewrap';

// The real gateway in front of the real node-llama-cpp with the real SmolLM2.
const model = 'SmolLM2-135M-Instruct.Q4_1';
const question = {
  model,
  temperature: 0,
  messages: [{ role: 'user', content: 'What is the capital of France?' }],
};

const answerSchema = z.looseObject({
  choices: z.tuple([z.looseObject({ message: z.looseObject({ content: z.string() }) })]),
  usage: z.looseObject({ completion_tokens: z.number().positive() }),
});

describeWithBubblewrap('models through the API of the embedded sandbox', () => {
  let dataFolder: string;
  let llm: EmbeddedLlm;
  let embedded: EmbeddedService;
  let service: LocalApiService;

  beforeAll(async () => {
    dataFolder = await mkdtemp(join(tmpdir(), 'lm-sandbox-api-'));
    const modelsFolder = join(dataFolder, 'models');
    await mkdir(modelsFolder);
    await symlink(await ensureSmallModel(), join(modelsFolder, `${model}.gguf`));
    llm = createEmbeddedLlm({
      modelsFolder,
      childFile: await bundleForTest('local-api'),
      findNode: async () => process.execPath,
    });
    const server = createModelServer({
      llm,
      socketPath: modelSocketPath(dataFolder),
      onModelUsed: () => undefined,
    });
    const settings = new FakeSettings({ sandboxPlace: 'embedded', localApi: true, localApiPort: 8017 });
    embedded = new EmbeddedService({
      ...{ settings, ptys: createLocalPtyLauncher(), clock: systemClock, logger: silentLogger },
      runtime: createEmbeddedRuntime({ dataFolder, env: process.env }),
    });
    service = new LocalApiService({
      ...{ settings, embedded, models: server, clock: systemClock, logger: silentLogger },
      runtime: createLocalGateway({
        ...{
          dataFolder,
          appVersion: '0.0.0',
          modelSocket: server.socketPath,
          dockerFolder: resolve('docker'),
        },
        env: process.env,
        log: () => undefined,
      }),
    });
    await new Promise<void>((found, fail) => {
      service.onChanged.on(({ state, error }) => {
        if (state === 'running') found();
        if (state === 'failed') fail(new Error(error?.message));
      });
    });
  }, 600_000);
  afterAll(async () => {
    await service.dispose();
    await embedded.dispose();
    await llm.dispose();
    await rm(dataFolder, { recursive: true, force: true });
  });

  async function call(path: string, body?: unknown): Promise<Response> {
    const headers = { Authorization: `Bearer ${await service.token()}`, 'Content-Type': 'application/json' };
    const init = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) };
    return fetch((service.status().address ?? '') + path, init);
  }

  it('are listed, and Ollama is no failure', async () => {
    const listed = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) });
    const answer = await call('/v1/models');
    expect(answer.status).toBe(200);
    expect(listed.parse(await answer.json()).data.map(({ id }) => id)).toEqual([model]);
    expect(await (await call('/health')).json()).toMatchObject({
      status: 'ok',
      parts: { llama_cpp: { state: 'ready' } },
    });
  });

  it('answer, whole and as a stream', async () => {
    const whole = await call('/v1/chat/completions', question);
    expect(whole.status).toBe(200);
    expect(answerSchema.parse(await whole.json()).choices[0].message.content).toContain('Paris');
    const streamed = await (await call('/v1/chat/completions', { ...question, stream: true })).text();
    expect(streamed.trim().split('\n').at(-1)).toBe('data: [DONE]');
    const pieces = [...streamed.matchAll(/"content": ?"((?:[^"\\]|\\.)*)"/g)]
      .map(([, piece]) => piece)
      .join('');
    expect(pieces).toContain('Paris');
  });

  it('are loaded and unloaded by name, shared with the chat', async () => {
    expect(llm.running()?.name).toBe(model);
    expect((await call('/models/unload', { model })).status).toBe(200);
    await expect.poll(() => llm.running()).toBeNull();
  });

  it('are not found by another name', async () => {
    const answer = await call('/v1/chat/completions', { ...question, model: 'no-such-model' });
    expect(answer.status).toBe(404);
  });
});
