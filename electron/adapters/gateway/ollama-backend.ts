import { z } from 'zod';
import { LmError, type Model } from '../../contract';
import { readCalls } from '../../services/models';
import type { LlmBackend, ModelPuller, PullProgress } from '../../services/models/ports';
import { readAll, refusalOf, streamAnswer } from './answer-stream';
import { mapRuntimeError, readErrorBody } from './errors';
import { readBody, type GatewayCall, type GatewayClient } from './gateway-client';
import { createOllamaAnswerParser } from './ollama-answer';
import { createPullParser } from './ollama-pull';
import { ollamaQuestion } from './ollama-question';
import { pause } from './pause';

const detailsSchema = z.object({
  family: z.string().nullish(),
  parameter_size: z.string().nullish(),
  quantization_level: z.string().nullish(),
});

const tagsSchema = z.object({
  models: z
    .array(z.object({ name: z.string(), size: z.number().nullish(), details: detailsSchema.nullish() }))
    .nullish(),
});

const runningSchema = z.object({
  models: z
    .array(
      z.object({
        name: z.string(),
        size: z.number().nullish(),
        size_vram: z.number().nullish(),
        context_length: z.number().nullish(),
        expires_at: z.string().nullish(),
      }),
    )
    .nullish(),
});
type RunningModel = NonNullable<z.infer<typeof runningSchema>['models']>[number];

const versionSchema = z.object({ version: z.string().nullish() });

const root = '/ollama/api';

/** Ollama through its native API; its OpenAI-like one loses errors in the middle of a stream. */
export function createOllamaBackend(client: GatewayClient): LlmBackend & ModelPuller {
  const loading = new Set<string>();

  const json = async <T>(schema: z.ZodType<T>, call: GatewayCall, model: string): Promise<T> => {
    const { status, body } = await client.text(call);
    if (status !== 200) throw mapRuntimeError('ollama', model, readErrorBody(status, body));
    try {
      return schema.parse(JSON.parse(body));
    } catch (error) {
      throw new LmError(
        'model_server_unavailable',
        `The answer of Ollama while ${call.during} could not be read.`,
        {
          details: { body: body.slice(0, 200) },
          retryable: true,
          cause: error,
        },
      );
    }
  };

  const running = async (signal: AbortSignal): Promise<RunningModel[]> => {
    const answer = await json(
      runningSchema,
      { method: 'GET', path: `${root}/ps`, signal, during: 'reading the loaded models of Ollama' },
      'the models',
    );
    return answer.models ?? [];
  };

  /** An empty request loads a model (`keepAlive` null) or lets it go (0). */
  const touch = async (
    name: string,
    keepAlive: number | null,
    signal: AbortSignal,
    during: string,
  ): Promise<void> => {
    const call: GatewayCall = {
      method: 'POST',
      path: `${root}/generate`,
      json: {
        model: name,
        stream: false,
        shift: false,
        ...(keepAlive === null ? {} : { keep_alive: keepAlive }),
      },
      signal,
      during,
    };
    const { status, body } = await client.text(call);
    if (status !== 200) throw mapRuntimeError('ollama', name, readErrorBody(status, body));
  };

  return {
    runtime: 'ollama',

    version: async (signal) => {
      const call: GatewayCall = {
        method: 'GET',
        path: `${root}/version`,
        signal,
        during: 'asking Ollama for its version',
      };
      return (await json(versionSchema, call, 'Ollama')).version ?? null;
    },

    list: async (signal) => {
      const [tags, loaded] = await Promise.all([
        json(
          tagsSchema,
          { method: 'GET', path: `${root}/tags`, signal, during: 'reading the models of Ollama' },
          'the models',
        ),
        running(signal),
      ]);
      return (tags.models ?? []).map((tag): Model => {
        const active = loaded.find((candidate) => candidate.name === tag.name);
        return {
          reference: { runtime: 'ollama', name: tag.name },
          sizeBytes: tag.size ?? null,
          family: tag.details?.family || null,
          parameterCount: tag.details?.parameter_size || null,
          quantisation: tag.details?.quantization_level || null,
          load: active
            ? loadedState(active, client.hasGpu())
            : {
                state: loading.has(tag.name) ? 'loading' : 'unloaded',
                memoryBytes: null,
                gpuShare: null,
                contextSize: null,
                expiresAtMs: null,
                error: null,
              },
        };
      });
    },

    load: async (name, signal) => {
      loading.add(name);
      try {
        await touch(name, null, signal, `loading ${name}`);
      } finally {
        loading.delete(name);
      }
    },

    unload: async (name, signal) => {
      await touch(name, 0, signal, `unloading ${name}`);
      // The answer comes before the runner has ended; the memory is free when it is no longer listed.
      while ((await running(signal)).some((model) => model.name === name)) {
        await pause(100, signal, `unloading ${name}`);
      }
    },

    remove: async (name, signal) => {
      const { status, body } = await client.text({
        method: 'DELETE',
        path: `${root}/delete`,
        json: { model: name },
        signal,
        during: `removing ${name}`,
      });
      if (status !== 200) throw mapRuntimeError('ollama', name, readErrorBody(status, body));
    },

    chat: async function* (request, signal) {
      const call: GatewayCall = {
        method: 'POST',
        path: `${root}/chat`,
        json: ollamaQuestion(request, readCalls(request)),
        signal,
        during: `the answer of ${request.model}`,
      };
      loading.add(request.model);
      try {
        const parser = createOllamaAnswerParser(request.model, request.offer);
        for await (const event of streamAnswer(client, call, refusalOf('ollama', request.model), parser)) {
          loading.delete(request.model);
          yield event;
        }
      } finally {
        loading.delete(request.model);
      }
    },

    // Ollama cancels when the connection closes and has no way to ask whether it is done.
    released: () => Promise.resolve(null),

    pull: async function* (name, insecure, signal): AsyncGenerator<PullProgress, void, undefined> {
      const call: GatewayCall = {
        method: 'POST',
        path: `${root}/pull`,
        json: { model: name, insecure, stream: true },
        signal,
        during: `pulling ${name}`,
      };
      const response = await client.open(call);
      const parser = createPullParser(name);
      if (response.status !== 200) {
        throw parser.refusal(response.status, await readAll(response.body, call));
      }
      for await (const bytes of readBody(response.body, call)) yield* parser.push(bytes);
      yield* parser.end();
    },
  };
}

/**
 * Ollama reads what lies in VRAM from the names of llama-server's buffers and takes those it does not know for a
 * GPU's, such as `AMX` of Intel processors. Without a GPU in the container nothing can lie on one.
 */
function loadedState(model: RunningModel, hasGpu: boolean): Model['load'] {
  const size = model.size ?? null;
  const inVram = hasGpu ? (model.size_vram ?? null) : 0;
  const expiresAtMs = model.expires_at ? Date.parse(model.expires_at) : NaN;
  return {
    state: 'loaded',
    memoryBytes: size,
    gpuShare: size !== null && size > 0 && inVram !== null ? Math.min(1, Math.max(0, inVram / size)) : null,
    contextSize: model.context_length && model.context_length > 0 ? model.context_length : null,
    expiresAtMs: Number.isFinite(expiresAtMs) && expiresAtMs > 0 ? expiresAtMs : null,
    error: null,
  };
}
