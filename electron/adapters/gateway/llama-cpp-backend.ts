import { z } from 'zod';
import { LmError, type Model, type Sampling } from '../../contract';
import { quantisationIn, readCalls } from '../../services/models';
import type { ChatEvent, ChatRequest, LlmBackend } from '../../services/models/ports';
import { refusalOf, streamAnswer } from './answer-stream';
import { cancelled, loadFailed, mapRuntimeError, modelNotFound, readErrorBody } from './errors';
import type { GatewayCall, GatewayClient } from './gateway-client';
import { createGgufStore } from './gguf-store';
import { createLlamaCppAnswerParser } from './llama-cpp-answer';
import { llamaCppQuestion } from './llama-cpp-question';
import { requireToolsInTemplate } from './llama-cpp-tools';
import { pause } from './pause';

/** GET /models of llama-server; `status` is there in router mode only. */
const modelsSchema = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      status: z
        .object({ value: z.string(), failed: z.boolean().nullish(), exit_code: z.number().nullish() })
        .nullish(),
      meta: z
        .object({ n_ctx: z.number().nullish(), n_params: z.number().nullish(), size: z.number().nullish() })
        .nullish(),
    }),
  ),
});
type ListedModel = z.infer<typeof modelsSchema>['data'][number];

const propsSchema = z.object({
  build_info: z.string().nullish(),
  default_generation_settings: z.object({ n_ctx: z.number().nullish() }).nullish(),
});

const slotsSchema = z.array(z.object({ is_processing: z.boolean().nullish() }));

const root = '/llama-cpp';
/** llama-server answers 503 on every route while it loads; the pause between two tries doubles up to this. */
const longestPauseMs = 2_000;
const loadingPatienceMs = 10 * 60_000;

/** What holds for a model where a question says nothing. */
type SamplingOf = (modelName: string) => Sampling | undefined;

/** llama-server in router mode: it lists the GGUF files of its folder and loads each one when it is asked for. */
export function createLlamaCppBackend(
  client: GatewayClient,
  samplingOf: SamplingOf = () => undefined,
): LlmBackend {
  const ggufFiles = createGgufStore(client);

  /** A call that is expected to answer 200 with JSON; anything else becomes an LmError about `model`. */
  const json = async <T>(schema: z.ZodType<T>, call: GatewayCall, model: string): Promise<T> => {
    const { status, body } = await client.text(call);
    if (status !== 200) throw mapRuntimeError('llama-cpp', model, readErrorBody(status, body));
    return parseBody(schema, body, call.during);
  };

  const listModels = async (signal: AbortSignal, reload: boolean): Promise<ListedModel[]> => {
    const listed = await json(
      modelsSchema,
      {
        method: 'GET',
        path: `${root}/models${reload ? '?reload=1' : ''}`,
        signal,
        during: 'reading the models of llama.cpp',
      },
      'the models',
    );
    return listed.data;
  };

  const findModel = async (name: string, signal: AbortSignal): Promise<ListedModel> => {
    const found = (await listModels(signal, false)).find((model) => model.id === name);
    if (!found) throw modelNotFound('llama-server', name, '');
    return found;
  };

  const contextSizeOf = async (name: string, signal: AbortSignal): Promise<number | null> => {
    const path = `${root}/props?${new URLSearchParams({ model: name, autoload: 'false' }).toString()}`;
    const { status, body } = await client.text({
      method: 'GET',
      path,
      signal,
      during: 'reading the context size',
    });
    // The model may have been unloaded in between, or may be asleep: then there is no size to tell.
    if (status !== 200) return null;
    const size =
      parseBody(propsSchema, body, 'reading the context size').default_generation_settings?.n_ctx ?? null;
    return size !== null && size > 0 ? size : null;
  };

  /** Waits until the model is in the wanted state. */
  const waitFor = async (name: string, wanted: 'loaded' | 'unloaded', signal: AbortSignal): Promise<void> => {
    const during = wanted === 'loaded' ? `loading ${name}` : `unloading ${name}`;
    for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 1.5, 1_000)) {
      const { status } = await findModel(name, signal);
      const state = status?.value ?? 'loaded';
      if (state === wanted || (wanted === 'loaded' && state === 'sleeping')) return;
      if (wanted === 'loaded' && status?.failed)
        throw loadFailed('llama-server', name, exitText(status.exit_code));
      await pause(pauseMs, signal, during);
    }
  };

  const load = async (name: string, signal: AbortSignal): Promise<void> => {
    const during = `loading ${name}`;
    const state = (await findModel(name, signal)).status?.value ?? 'loaded';
    if (state === 'loaded' || state === 'sleeping') return;
    if (state !== 'loading') {
      const { status, body } = await client.text({
        method: 'POST',
        path: `${root}/models/load`,
        json: { model: name },
        signal,
        during,
      });
      if (status !== 200) throw mapRuntimeError('llama-cpp', name, readErrorBody(status, body));
    }
    await waitFor(name, 'loaded', signal);
  };

  return {
    runtime: 'llama-cpp',

    version: async (signal) => {
      const { status, body } = await client.text({
        method: 'GET',
        path: `${root}/props`,
        signal,
        during: 'asking llama-server for its version',
      });
      if (status !== 200) throw mapRuntimeError('llama-cpp', 'llama-server', readErrorBody(status, body));
      return parseBody(propsSchema, body, 'asking llama-server for its version').build_info ?? null;
    },

    list: async (signal) => {
      const [files, listed] = await Promise.all([ggufFiles.list(signal), listModels(signal, true)]);
      return Promise.all(
        listed.map(async (model): Promise<Model> => {
          const state = loadState(model);
          const file = files.find((candidate) => candidate.modelName === model.id);
          const sampling = samplingOf(model.id);
          const contextSize = state === 'loaded' ? await contextSizeOf(model.id, signal) : null;
          return {
            reference: { runtime: 'llama-cpp', name: model.id },
            sizeBytes: file?.sizeBytes ?? model.meta?.size ?? null,
            family: null,
            parameterCount: parameterText(model.meta?.n_params ?? null),
            quantisation: quantisationIn(model.id),
            ...(sampling ? { sampling } : {}),
            load: {
              state,
              // llama-server tells neither its memory nor where the layers lie.
              memoryBytes: null,
              gpuShare: null,
              contextSize,
              expiresAtMs: null,
              error:
                state === 'failed'
                  ? loadFailed('llama-server', model.id, exitText(model.status?.exit_code)).data
                  : null,
            },
          };
        }),
      );
    },

    load,

    unload: async (name, signal) => {
      const state = (await findModel(name, signal)).status?.value;
      if (state === undefined) {
        throw new LmError(
          'unsupported',
          'This llama-server was started with one fixed model and cannot unload it.',
        );
      }
      if (state === 'unloaded') return;
      const { status, body } = await client.text({
        method: 'POST',
        path: `${root}/models/unload`,
        json: { model: name },
        signal,
        during: `unloading ${name}`,
      });
      if (status !== 200) throw mapRuntimeError('llama-cpp', name, readErrorBody(status, body));
      await waitFor(name, 'unloaded', signal);
    },

    remove: async (name, signal) => {
      const file = (await ggufFiles.list(signal)).find((candidate) => candidate.modelName === name);
      if (!file) throw modelNotFound('llama-server', name, '');
      const model = (await listModels(signal, false)).find((candidate) => candidate.id === name);
      if (model?.status && model.status.value !== 'unloaded') {
        await client.text({
          method: 'POST',
          path: `${root}/models/unload`,
          json: { model: name },
          signal,
          during: `unloading ${name}`,
        });
        await waitFor(name, 'unloaded', signal);
      }
      await ggufFiles.remove(file.fileName, signal);
      await listModels(signal, true);
    },

    chat: async function* (request, signal) {
      readCalls(request);
      if (request.offer) {
        await load(request.model, signal);
        await requireToolsInTemplate(client, request.model, signal);
      }
      yield* chatWithPatience(client, request, samplingOf(request.model), signal);
    },

    released: async (name, othersRunning, withinMs) => {
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), withinMs);
      try {
        for (;;) {
          const path = `${root}/slots?${new URLSearchParams({ model: name, autoload: 'false' }).toString()}`;
          const { status, body } = await client.text({
            method: 'GET',
            path,
            signal: stop.signal,
            during: 'waiting for the slot',
          });
          // No slots to see: the model is no longer loaded, so nothing is being made for it, or it is switched off.
          if (status !== 200) return null;
          const busy = parseBody(slotsSchema, body, 'reading the slots').filter(
            (slot) => slot.is_processing,
          ).length;
          if (busy <= othersRunning) return true;
          await pause(25, stop.signal, 'waiting for the slot');
        }
      } catch (error) {
        if (stop.signal.aborted) return false;
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Asks again while llama-server says that it is loading, with growing pauses. */
async function* chatWithPatience(
  client: GatewayClient,
  request: ChatRequest,
  sampling: Sampling | undefined,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent, void, undefined> {
  const giveUpAtMs = Date.now() + loadingPatienceMs;
  const during = `the answer of ${request.model}`;
  const call: GatewayCall = {
    method: 'POST',
    path: `${root}/v1/chat/completions`,
    json: llamaCppQuestion(request, sampling),
    signal,
    during,
  };
  for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      const parser = createLlamaCppAnswerParser(request.model, request.offer);
      yield* streamAnswer(client, call, refusal(request.model), parser);
      return;
    } catch (error) {
      if (!(error instanceof StillLoading)) throw error;
      if (Date.now() > giveUpAtMs) throw error.asError();
      if (signal.aborted) throw cancelled(during);
      await pause(pauseMs, signal, during);
    }
  }
}

/** Not an answer yet: 503 while the model is being loaded. Never leaves this file. */
class StillLoading extends LmError {
  constructor(private readonly loadError: LmError) {
    super(loadError.code, loadError.message);
  }

  asError(): LmError {
    return this.loadError;
  }
}

function refusal(model: string): (status: number, body: string) => LmError {
  const map = refusalOf('llama-cpp', model);
  return (status, body) => {
    const error = map(status, body);
    return status === 503 && /loading/i.test(body) ? new StillLoading(error) : error;
  };
}

function loadState(model: ListedModel): Model['load']['state'] {
  if (!model.status) return 'loaded';
  if (model.status.failed) return 'failed';
  switch (model.status.value) {
    case 'loaded':
    case 'sleeping':
      return 'loaded';
    case 'loading':
    case 'downloading':
      return 'loading';
    case 'unloaded':
      return 'unloaded';
    default:
      return 'unknown';
  }
}

function exitText(exitCode: number | null | undefined): string {
  return typeof exitCode === 'number' ? `its process ended with code ${exitCode}` : 'its process ended';
}

function parameterText(count: number | null): string | null {
  if (count === null) return null;
  return count >= 1e9 ? `${(count / 1e9).toFixed(1)}B` : `${Math.round(count / 1e6)}M`;
}

function parseBody<T>(schema: z.ZodType<T>, body: string, during: string): T {
  try {
    return schema.parse(JSON.parse(body));
  } catch (error) {
    throw new LmError(
      'model_server_unavailable',
      `The answer of llama-server while ${during} could not be read.`,
      {
        details: { body: body.slice(0, 200) },
        retryable: true,
        cause: error,
      },
    );
  }
}
