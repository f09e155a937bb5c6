import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import {
  createEmbeddedLlm,
  createModelServer,
  modelSocketPath,
  type EmbeddedLlm,
  type ModelServer,
} from '../../../electron/adapters/embedded-llm';
import { bundleForTest } from '../../support/embedded-llm.mjs';
import { startEngine } from '../../support/engine.mjs';
import { ensureRandomModel, ensureSmallModel } from '../../support/model.mjs';
import { ensureSandboxImage } from '../../support/sandbox-image.mjs';
import { answerOf, ask, errorOf } from './socket-client';

// Random weights: the vectors mean nothing, but both runtimes have to make the same of the same file.
const poolings = ['MEAN', 'LAST'] as const;
const talker = 'SmolLM2-135M-Instruct.Q4_1';
const texts = ['bada gufa', 'The capital of France is Paris.', 'Zürich 東京 👩‍👩‍👧', 'bada '.repeat(100)];
const answerSchema = z.object({
  object: z.literal('list'),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.number(), total_tokens: z.number() }),
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: z.number(),
      embedding: z.union([z.array(z.number()), z.string()]),
    }),
  ),
});
type Answer = z.infer<typeof answerSchema>;

let engine: Awaited<ReturnType<typeof startEngine>>;
let folder: string;
let llm: EmbeddedLlm;
let server: ModelServer;
/** Addresses of a llama-server for each pooling. */
const servers = new Map<string, string>();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lm-embeddings-'));
  await symlink(await ensureSmallModel(), path.join(folder, `${talker}.gguf`));
  engine = await startEngine({ generation: 'modern', name: 'embeddings' });
  const image = await ensureSandboxImage(engine);
  for (const pooling of poolings) {
    const file = await ensureRandomModel(pooling);
    await symlink(file, path.join(folder, `${pooling}.gguf`));
    servers.set(pooling, await startLlamaServer(image, pooling, file));
  }
  llm = createEmbeddedLlm({
    modelsFolder: folder,
    childFile: await bundleForTest('embeddings'),
    findNode: async () => process.execPath,
  });
  server = createModelServer({ llm, socketPath: modelSocketPath(folder), onModelUsed: () => undefined });
  await server.open();
}, 600_000);
afterAll(async () => {
  await server?.close();
  await llm?.dispose();
  for (const pooling of poolings) {
    await engine?.docker(['rm', '--force', '--volumes', nameOf(pooling)], { allowFailure: true });
  }
  await engine?.stop();
  await rm(folder, { recursive: true });
});

const nameOf = (pooling: string): string => `lm_embeddings_${pooling.toLowerCase()}`;

async function startLlamaServer(image: string, pooling: string, file: string): Promise<string> {
  const name = nameOf(pooling);
  await engine.docker(['rm', '--force', '--volumes', name], { allowFailure: true });
  // Without --pooling: as the file says.
  await engine.docker([
    ...['create', '--name', name, '--publish', '127.0.0.1::8100', '--entrypoint', 'llama-server', image],
    ...['--model', '/tmp/model.gguf', '--embeddings', '--threads', '1', '--ubatch-size', '2048'],
    ...['--ctx-size', '2048', '--parallel', '1', '--host', '0.0.0.0', '--port', '8100', '--no-webui'],
  ]);
  await engine.docker(['cp', '--follow-link', file, `${name}:/tmp/model.gguf`]);
  await engine.docker(['start', name]);
  const published = (await engine.docker(['port', name, '8100/tcp'])).stdout.trim();
  const url = `http://127.0.0.1:${published.split(':').at(-1)}`;
  await vi.waitFor(
    async () => {
      const { ok } = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) });
      if (!ok) throw new Error('llama-server is not ready.');
    },
    { timeout: 60_000, interval: 250 },
  );
  return url;
}

const post = (body: object) => ask(server.socketPath, 'POST', '/v1/embeddings', body);
async function embedded(body: object): Promise<Answer> {
  const { status, text } = await post(body);
  if (status !== 200) throw new Error(`${status}: ${text}`);
  return answerSchema.parse(JSON.parse(text));
}
async function ofLlamaServer(model: string, body: object): Promise<Answer> {
  const response = await fetch(`${servers.get(model)}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, ...body }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text}`);
  return answerSchema.parse(JSON.parse(text));
}
const vectorsOf = ({ data }: Answer): number[][] =>
  data.map(({ embedding }) => {
    if (typeof embedding !== 'string') return embedding;
    const bytes = Buffer.from(embedding, 'base64');
    return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
  });
const product = (left: readonly number[], right: readonly number[]): number =>
  left.reduce((sum, value, index) => sum + value * (right[index] ?? NaN), 0);

describe.each(poolings)('Embeddings of a model whose file says %s', (model) => {
  test('are those of llama-server for the same file, of length 1, with as many tokens used', async () => {
    const [here, there] = [
      await embedded({ model, input: texts }),
      await ofLlamaServer(model, { input: texts }),
    ];
    const [mine, theirs] = [vectorsOf(here), vectorsOf(there)];
    expect(mine).toHaveLength(texts.length);
    mine.forEach((vector, index) => {
      expect(vector).toHaveLength(theirs[index]?.length ?? -1);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      // Both have the length 1, so this is the cosine.
      expect(product(vector, theirs[index] ?? [])).toBeGreaterThan(0.999);
    });
    // Other texts have other vectors, or the comparison would say nothing.
    expect(product(mine[0] ?? [], mine[1] ?? [])).toBeLessThan(0.99);
    expect(here.usage).toEqual(there.usage);
    expect(here.data.map(({ index }) => index)).toEqual(there.data.map(({ index }) => index));
  });

  test('are the same for a text, for a list of it, for its tokens, and packed', async () => {
    const tokens = [1, 40, 300, 301];
    const [one, list] = [
      await embedded({ model, input: 'bada' }),
      await embedded({ model, input: ['bada'] }),
    ];
    expect(one).toEqual(list);
    const numbers = await embedded({ model, input: tokens });
    expect(await embedded({ model, input: [tokens, tokens] })).toMatchObject({
      data: [{ embedding: numbers.data[0]?.embedding }, { embedding: numbers.data[0]?.embedding }],
      usage: { prompt_tokens: 2 * numbers.usage.prompt_tokens },
    });
    const theirs = vectorsOf(await ofLlamaServer(model, { input: tokens }));
    expect(product(vectorsOf(numbers)[0] ?? [], theirs[0] ?? [])).toBeGreaterThan(0.999);
    const packed = vectorsOf(await embedded({ model, input: 'bada', encoding_format: 'base64' }))[0] ?? [];
    expect(product(packed, vectorsOf(one)[0] ?? [])).toBeCloseTo(1, 5);
  });
});

test('A model that makes embeddings also answers, before and after', async () => {
  const talk = () =>
    ask(server.socketPath, 'POST', '/v1/chat/completions', {
      model: 'MEAN',
      messages: [{ role: 'user', content: 'bada' }],
      temperature: 0,
      max_tokens: 8,
    });
  const before = answerOf(await talk());
  const vectors = await embedded({ model: 'MEAN', input: texts });
  expect(answerOf(await talk()).choices).toEqual(before.choices);
  expect(vectorsOf(await embedded({ model: 'MEAN', input: texts }))).toEqual(vectorsOf(vectors));
});

test('What cannot be embedded is refused in the words of llama-server', async () => {
  const notMade = errorOf(await post({ model: talker, input: 'Paris' }));
  expect(notMade).toMatchObject({ code: 501, type: 'not_supported_error' });
  expect(notMade.message).toContain('nomic-embed-text');
  expect(errorOf(await post({ model: 'MEAN', input: 'bada '.repeat(3_000) }))).toMatchObject({
    code: 400,
    type: 'exceed_context_size_error',
    n_ctx: 2048,
  });
  for (const input of ['', ['bada', ''], [], [99_999]]) {
    expect(errorOf(await post({ model: 'MEAN', input }))).toMatchObject({
      code: 400,
      type: 'invalid_request_error',
    });
  }
  expect(errorOf(await post({ model: 'none', input: 'bada' }))).toMatchObject({ code: 404 });
});
