import { LmError, type Model, type Sampling } from '../../contract';
import { quantisationIn, type LlmBackend } from '../../services/models';
import { answerTurns } from './answer-turns';
import { LlmProcess, type Embeddings, type GenerationEvent, type GenerationOrder } from './llm-process';
import { findModelFile, listModelFiles, removeModelFile } from './model-files';

/** As Ollama does by default, doubled: what is loaded here takes memory that the desktop may want. */
const defaultIdleMs = 10 * 60_000;

export interface EmbeddedLlmOptions {
  /** Folder of the GGUF files; it need not exist yet. */
  readonly modelsFolder: string;
  /** The bundle of child/main.ts. */
  readonly childFile: string;
  /** The Node that runs it; asked at each start. */
  readonly findNode: () => Promise<string>;
  /** A model that answered nothing for so long gives its memory back. */
  readonly idleMs?: number;
  readonly threads?: number | null;
  /** What holds for a model where a question says nothing; see `recommendedSampling`. */
  readonly samplingOf?: SamplingOf;
}

export type SamplingOf = (modelName: string) => Sampling | undefined;

/** llama.cpp in a process of its own that lives while a model is loaded; nothing runs before the first one is. */
export interface EmbeddedLlm extends LlmBackend {
  /**
   * One answer with all that the runtime can do: tools, stop texts, JSON of a schema. Loads the model first.
   * Ends with a `finish`, or throws an LmError as `chat` does, and `invalid_input`.
   */
  generate(
    name: string,
    order: GenerationOrder,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, undefined>;
  /**
   * Vectors of texts, or of the numbers of their tokens; each has the length 1. Loads the model first.
   * @throws LmError as `chat`; `unsupported` where the model is not made for it, `invalid_input`.
   */
  embed(name: string, inputs: readonly (string | number[])[], signal: AbortSignal): Promise<Embeddings>;
  /** The model in memory, with how many of its answers are not complete; null when there is none. */
  running(): RunningModel | null;
  /** Of the running model process, for tests and statistics. */
  processId(): number | null;
  /** Ends the process. Idempotent. */
  dispose(): Promise<void>;
}

export interface RunningModel {
  readonly name: string;
  readonly contextSize: number;
  readonly answering: number;
  /** Release of llama.cpp. */
  readonly release: string;
}

interface Held {
  readonly name: string;
  readonly process: LlmProcess;
}

export function createEmbeddedLlm(options: EmbeddedLlmOptions): EmbeddedLlm {
  const { modelsFolder, samplingOf = () => undefined } = options;
  const idleMs = options.idleMs ?? defaultIdleMs;
  let held: Held | null = null;
  let failed: { readonly name: string; readonly error: LmError } | null = null;
  let disposed = false;
  let idleTimer: NodeJS.Timeout | null = null;
  let expiresAtMs: number | null = null;
  /** Starts and ends happen one after the other. */
  let turn: Promise<unknown> = Promise.resolve();

  const inTurn = <T>(action: () => Promise<T>): Promise<T> => {
    const result = turn.then(action);
    turn = result.catch(() => undefined);
    return result;
  };

  const end = async (): Promise<void> => {
    const ending = held;
    held = null;
    if (!ending) return;
    ending.process.stop();
    await ending.process.ended;
  };

  const restartIdleTimer = (): void => {
    if (idleTimer) clearTimeout(idleTimer);
    idleTimer = null;
    expiresAtMs = null;
    if (held?.process.state !== 'loaded' || held.process.answering > 0) return;
    const idle = held.process;
    expiresAtMs = Date.now() + idleMs;
    idleTimer = setTimeout(() => {
      void inTurn(async () => {
        if (held?.process === idle && idle.answering === 0) await end();
      });
    }, idleMs);
    idleTimer.unref();
  };

  /** The process with that model in memory. Another model is ended first, once its answers are done. */
  const ensure = (name: string, signal: AbortSignal): Promise<LlmProcess> =>
    inTurn(async () => {
      if (disposed) throw new LmError('conflict', 'The app is being closed.');
      if (signal.aborted) throw cancelled(name);
      if (held && (held.name !== name || held.process.state === 'ended')) {
        if (!(await held.process.whenAtMost(0, signal))) throw cancelled(name);
        await end();
      }
      if (!held) {
        const file = await findModelFile(modelsFolder, name);
        const node = await options.findNode();
        failed = null;
        const started = new LlmProcess({
          node,
          childFile: options.childFile,
          modelFile: file.path,
          modelName: name,
          threads: options.threads ?? null,
          onChanged: restartIdleTimer,
        });
        held = { name, process: started };
      }
      const { process } = held;
      const giveUp = () => {
        if (process.state === 'loading') process.stop();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      try {
        await process.loaded;
        return process;
      } catch (error) {
        if (signal.aborted) throw cancelled(name);
        if (error instanceof LmError && error.code !== 'cancelled') failed = { name, error };
        throw error;
      } finally {
        signal.removeEventListener('abort', giveUp);
      }
    });

  const loadStateOf = (name: string): Model['load'] => {
    const unloaded = { memoryBytes: null, gpuShare: null, contextSize: null, expiresAtMs: null, error: null };
    const process = held?.name === name ? held.process : null;
    if (process?.state === 'loading') return { ...unloaded, state: 'loading', progress: process.share };
    if (process?.state === 'loaded' && process.facts) {
      const { memoryBytes, gpuShare, contextSize, cardProblem } = process.facts;
      return { state: 'loaded', memoryBytes, gpuShare, contextSize, expiresAtMs, error: cardProblem };
    }
    if (failed?.name === name) return { ...unloaded, state: 'failed', error: failed.error.data };
    return { ...unloaded, state: 'unloaded' };
  };

  async function* generate(
    name: string,
    order: GenerationOrder,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    const process = await ensure(name, signal);
    yield* process.generate(withSampling(order, samplingOf(name)), signal);
  }

  const unload = (name: string): Promise<void> => {
    // Not behind the load that it ends.
    if (held?.name === name && held.process.state === 'loading') held.process.stop();
    return inTurn(async () => {
      if (held?.name === name) await end();
    });
  };

  return {
    runtime: 'embedded',
    // Asked before anything is started: whether something could be.
    version: async () => {
      await options.findNode();
      return null;
    },
    list: async () =>
      (await listModelFiles(modelsFolder)).map((file): Model => ({
        reference: { runtime: 'embedded', name: file.name },
        sizeBytes: file.sizeBytes,
        family: null,
        parameterCount: null,
        quantisation: quantisationIn(file.name),
        ...knownSampling(samplingOf(file.name)),
        load: loadStateOf(file.name),
      })),
    load: async (name, signal) => {
      await ensure(name, signal);
    },
    unload,
    generate,
    embed: async (name, inputs, signal) => (await ensure(name, signal)).embed(inputs, signal),
    running: () =>
      held?.process.state === 'loaded' && held.process.facts
        ? {
            name: held.name,
            contextSize: held.process.facts.contextSize,
            answering: held.process.answering,
            release: held.process.facts.release,
          }
        : null,
    remove: async (name) => {
      await unload(name);
      await inTurn(() => removeModelFile(modelsFolder, name));
    },
    chat: (request, signal) => answerTurns(generate, request, signal),
    released: async (name, othersRunning, withinMs) => {
      if (held?.name !== name) return true;
      return held.process.whenAtMost(othersRunning, AbortSignal.timeout(withinMs));
    },
    processId: () => (held && held.process.state !== 'ended' ? held.process.processId : null),
    dispose: async () => {
      disposed = true;
      if (idleTimer) clearTimeout(idleTimer);
      held?.process.stop();
      await inTurn(end);
    },
  };
}

/** What the question says comes first, each field by itself. */
function withSampling(order: GenerationOrder, sampling: Sampling | undefined): GenerationOrder {
  if (!sampling) return order;
  return {
    ...order,
    temperature: order.temperature ?? sampling.temperature,
    topP: order.topP ?? sampling.topP,
    topK: order.topK ?? sampling.topK,
    minP: order.minP ?? sampling.minP,
  };
}

function knownSampling(sampling: Sampling | undefined): Pick<Model, 'sampling'> {
  return sampling ? { sampling } : {};
}

function cancelled(name: string): LmError {
  return new LmError('cancelled', `Loading ${name} was stopped.`);
}
