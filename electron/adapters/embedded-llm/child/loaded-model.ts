import { freemem } from 'node:os';
import path from 'node:path';
import type { ChatHistoryItem, Llama, LlamaChat, LlamaContextSequence, LlamaModel } from 'node-llama-cpp';
import { LmError } from '../../../contract';
import type { FromChild, ToChild } from '../protocol';
import { planMemory } from './memory-plan';
import { PromptPieces } from './prompt-pieces';

const batchSize = 512;
/** The defaults of llama-server, so that the same model answers alike in both places. */
const sampling = { temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05 } as const;

type ChatMessage = Extract<ToChild, { type: 'chat' }>;
export type Finish = Omit<Extract<FromChild, { type: 'finish' }>, 'type' | 'id'>;
type Loaded = Omit<Extract<FromChild, { type: 'loaded' }>, 'type'>;

/** node-llama-cpp is an ES module that holds the native parts: it is loaded here and nowhere else. */
type Library = typeof import('node-llama-cpp');

/** The one model of this process with its context; answers one question at a time. */
export class LoadedModel {
  private constructor(
    private readonly name: string,
    private readonly model: LlamaModel,
    private readonly sequence: LlamaContextSequence,
    private readonly chat: LlamaChat,
    private readonly contextSize: number,
    readonly facts: Loaded,
  ) {}

  /**
   * Reads a GGUF file into memory.
   * @throws LmError `model_load_failed`, `out_of_memory`, `model_server_unavailable` when no binary fits this computer.
   */
  static async load(
    file: string,
    threads: number | null,
    onProgress: (share: number) => void,
  ): Promise<LoadedModel> {
    const name = path.basename(file).replace(/\.gguf$/i, '');
    const library = await import('node-llama-cpp');
    const llama = await openLibrary(library);
    try {
      const useThreads = threads ?? Math.max(1, llama.cpuMathCores);
      const freeBytes = availableBytes();
      // Reads the file's head only, so that a model that cannot fit is refused before it is loaded.
      const insights = await library.GgufInsights.from(await library.readGgufFileInfo(file), llama);
      const onCard = llama.gpu !== false;
      const plan = await planMemory({
        model: name,
        // What lies on a graphics card does not need memory; how much fits there is decided while loading.
        modelBytes: onCard ? 0 : insights.modelSize,
        freeBytes,
        trainedContextSize: insights.trainContextSize ?? 4096,
        contextBytes: async (contextSize) =>
          onCard
            ? 0
            : (
                await insights.estimateContextResourceRequirementsV2({
                  contextSize,
                  modelGpuLayers: 0,
                  batchSize,
                  sequences: 1,
                })
              ).cpuRam,
      });
      const model = await llama.loadModel({
        modelPath: file,
        onLoadProgress: onProgress,
        // Its own estimate is replaced by the plan above, which says what is missing.
        ignoreMemorySafetyChecks: !onCard,
      });
      const context = await model.createContext({
        contextSize: onCard ? { max: plan.contextSize } : plan.contextSize,
        batchSize,
        sequences: 1,
        threads: { ideal: useThreads, min: useThreads },
        flashAttention: 'auto',
        // There is one sequence: nothing comes that a batch could wait for.
        batching: { dispatchSchedule: (dispatch) => dispatch() },
        ignoreMemorySafetyChecks: !onCard,
      });
      const sequence = context.getSequence();
      const chat = new library.LlamaChat({
        contextSequence: sequence,
        chatWrapper: library.resolveChatWrapper(model),
      });
      const total = insights.totalLayers;
      return new LoadedModel(name, model, sequence, chat, context.contextSize, {
        contextSize: context.contextSize,
        memoryBytes: onCard ? Math.ceil(model.memoryUsage.ram) : plan.memoryBytes,
        gpuShare: onCard && total > 0 ? Math.min(1, model.gpuLayers / total) : 0,
        threads: useThreads,
      });
    } catch (error) {
      throw asLoadError(name, error);
    }
  }

  /**
   * One answer. Ends within one token, or one piece of the prompt, after `signal` was aborted.
   * @throws LmError `context_overflow`, `generation_failed`.
   */
  async answer(
    request: ChatMessage,
    signal: AbortSignal,
    onText: (kind: 'content' | 'thinking', text: string) => void,
  ): Promise<Finish> {
    const history = toHistory(request.turns);
    const prompt = this.chat.chatWrapper
      .generateContextState({ chatHistory: history })
      .contextText.tokenize(this.model.tokenizer);
    const room = this.contextSize - prompt.length - 1;
    if (room < 1) throw overflow(this.name, prompt.length, this.contextSize);
    const stopped = (answerTokens: number): Finish => ({
      reason: 'stopped',
      promptTokens: prompt.length,
      answerTokens,
      tokensPerSecond: null,
    });
    // All but the last token, which the answer itself starts from.
    if (!(await this.readPrompt(prompt.slice(0, -1), signal))) return stopped(0);

    let answerTokens = 0;
    let firstAtMs = 0;
    let lastAtMs = 0;
    const response = await this.chat.generateResponse(history, {
      ...sampling,
      temperature: request.temperature ?? sampling.temperature,
      maxTokens: Math.min(request.maxTokens ?? room, room),
      repeatPenalty: false,
      signal,
      stopOnAbortSignal: true,
      onResponseChunk: (chunk) => {
        if (chunk.tokens.length > 0) {
          lastAtMs = performance.now();
          if (answerTokens === 0) firstAtMs = lastAtMs;
          answerTokens += chunk.tokens.length;
        }
        if (chunk.text !== '') onText(chunk.type === 'segment' ? 'thinking' : 'content', chunk.text);
      },
    });
    const { stopReason } = response.metadata;
    if (stopReason === 'abort') return stopped(answerTokens);
    const seconds = (lastAtMs - firstAtMs) / 1000;
    return {
      reason: stopReason === 'maxTokens' ? 'length' : 'stop',
      promptTokens: prompt.length,
      answerTokens,
      tokensPerSecond: answerTokens > 1 && seconds > 0 ? (answerTokens - 1) / seconds : null,
    };
  }

  /** Computes what the context does not hold yet. Resolves with false when it was stopped. */
  private async readPrompt(
    tokens: ReturnType<LlamaModel['tokenize']>,
    signal: AbortSignal,
  ): Promise<boolean> {
    await this.sequence.adaptStateToTokens(tokens, false);
    const pieces = new PromptPieces(batchSize);
    for (let at = this.sequence.nextTokenIndex; at < tokens.length;) {
      if (signal.aborted) return false;
      const size = pieces.next(tokens.length - at);
      const startedAtMs = performance.now();
      await this.sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, at + size));
      pieces.took(size, performance.now() - startedAtMs);
      at += size;
    }
    return !signal.aborted;
  }
}

async function openLibrary(library: Library): Promise<Llama> {
  try {
    return await library.getLlama({
      // A card whose binaries were added is used, else the processor. Nothing is ever compiled or fetched.
      gpu: 'auto',
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      logLevel: library.LlamaLogLevel.error,
    });
  } catch (error) {
    throw new LmError(
      'model_server_unavailable',
      `The embedded llama.cpp has no binary for this computer (${process.platform} ${process.arch}).`,
      {
        details: { reason: error instanceof Error ? error.message : String(error) },
        repair: {
          text: 'Install the dependencies again with optional packages, or use the container instead.',
          command: 'npm ci --include=optional',
        },
        cause: error,
      },
    );
  }
}

/** What may still be taken without swapping, within the limit of a control group. */
function availableBytes(): number {
  // Since Node 20.13; os.freemem() does not know control groups.
  const available: unknown = Reflect.get(process, 'availableMemory');
  const limited: unknown = typeof available === 'function' ? Reflect.apply(available, process, []) : null;
  return typeof limited === 'number' && limited > 0 ? Math.min(limited, freemem()) : freemem();
}

function toHistory(turns: ChatMessage['turns']): ChatHistoryItem[] {
  const history: ChatHistoryItem[] = turns.map(({ role, content }) => {
    switch (role) {
      case 'system':
        return { type: 'system', text: content };
      case 'user':
        return { type: 'user', text: content };
      case 'assistant':
        return { type: 'model', response: [content] };
    }
  });
  return [...history, { type: 'model', response: [] }];
}

function overflow(model: string, promptTokens: number, contextSize: number): LmError {
  return new LmError(
    'context_overflow',
    `This conversation no longer fits into the context of ${model}. It has ${promptTokens} tokens, the context ` +
      `holds ${contextSize}.`,
    {
      details: { n_prompt_tokens: promptTokens, n_ctx: contextSize },
      repair: { text: 'Begin a new conversation, or shorten the question.' },
    },
  );
}

function asLoadError(name: string, error: unknown): LmError {
  if (error instanceof LmError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new LmError('model_load_failed', `The embedded llama.cpp could not load ${name}: ${reason}`, {
    repair: { text: 'Check that the file is a complete GGUF model, or fetch it again.' },
    cause: error,
  });
}
