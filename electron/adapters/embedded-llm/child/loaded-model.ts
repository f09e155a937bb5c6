import { freemem } from 'node:os';
import path from 'node:path';
import type {
  GbnfJsonSchema,
  Llama,
  LlamaChat,
  LlamaCompletion,
  LlamaContextSequence,
  LlamaGrammar,
  LlamaModel,
  Token,
} from 'node-llama-cpp';
import { LmError } from '../../../contract';
import type { FromChild, Order } from '../protocol';
import { AnswerMeter } from './answer-meter';
import { Embedder } from './embedder';
import { cardProblem, cardQuestions } from './graphics-card';
import { toGrammarSchema } from './grammar-schema';
import { toHistory } from './history';
import { planMemory } from './memory-plan';
import { PromptPieces } from './prompt-pieces';
import { tokensOf } from './tokens';
import { CallLever, OfferedTools, type CallPiece } from './tools';

const batchSize = 512;
/** The defaults of llama-server, so that the same model answers alike in both places. */
const sampling = { temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05 } as const;

type ChatOrder = Extract<Order, { type: 'chat' }>;
type CompleteOrder = Extract<Order, { type: 'complete' }>;
type EmbedOrder = Extract<Order, { type: 'embed' }>;
export type Finish = Omit<Extract<FromChild, { type: 'finish' }>, 'type' | 'id'>;
type GenerationOptions = Pick<
  NonNullable<Parameters<LlamaCompletion['generateCompletionWithMeta']>[1]>,
  | 'temperature'
  | 'topK'
  | 'topP'
  | 'minP'
  | 'seed'
  | 'repeatPenalty'
  | 'maxTokens'
  | 'customStopTriggers'
  | 'signal'
  | 'stopOnAbortSignal'
>;
const reasons = {
  eogToken: 'stop',
  stopGenerationTrigger: 'stop',
  customStopTrigger: 'stop',
  maxTokens: 'length',
  functionCalls: 'calls',
  abort: 'stopped',
} as const;
type StopReason = keyof typeof reasons;

/** Hears of an answer as it comes. */
export interface AnswerListener {
  onText(kind: 'content' | 'thinking', text: string): void;
  onCall(piece: CallPiece): void;
}
type Loaded = Omit<Extract<FromChild, { type: 'loaded' }>, 'type'>;

/** node-llama-cpp is an ES module that holds the native parts: it is loaded here and nowhere else. */
type Library = typeof import('node-llama-cpp');

/** The one model of this process with its context; answers one question at a time. */
export class LoadedModel {
  private constructor(
    private readonly name: string,
    private readonly library: Library,
    private readonly llama: Llama,
    private readonly model: LlamaModel,
    private readonly sequence: LlamaContextSequence,
    private readonly chat: LlamaChat,
    private readonly lever: CallLever,
    private readonly embedder: Embedder,
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
      const chatWrapper = library.resolveChatWrapper(model);
      const lever = new CallLever(chatWrapper, library.LlamaText([]));
      const chat = new library.LlamaChat({ contextSequence: sequence, chatWrapper });
      const total = insights.totalLayers;
      const embedder = new Embedder({
        ...{ name, model, insights, onCard },
        threads: useThreads,
        freeBytes: availableBytes,
      });
      const parts = [name, library, llama, model, sequence, chat, lever, embedder] as const;
      return new LoadedModel(...parts, context.contextSize, {
        contextSize: context.contextSize,
        memoryBytes: onCard ? Math.ceil(model.memoryUsage.ram) : plan.memoryBytes,
        gpuShare: onCard && total > 0 ? Math.min(1, model.gpuLayers / total) : 0,
        threads: useThreads,
        release: llama.llamaCppRelease.release,
        cardProblem: onCard ? null : await cardProblem(cardQuestions(library, __filename)),
      });
    } catch (error) {
      throw asLoadError(name, error);
    }
  }

  /**
   * One answer. Ends within one token, or one piece of the prompt, after `signal` was aborted.
   * @throws LmError `context_overflow`, `invalid_input`, `generation_failed`.
   */
  async answer(order: ChatOrder, signal: AbortSignal, listener: AnswerListener): Promise<Finish> {
    const history = toHistory(order.turns);
    const tools = new OfferedTools(order.tools, (piece) => listener.onCall(piece));
    const offered = order.tools.length > 0;
    const available = offered ? { functions: tools.functions, documentFunctionParams: true } : {};
    this.lever.forced = offered && order.toolChoice === 'required';
    const prompt = this.chat.chatWrapper
      .generateContextState({
        chatHistory: history,
        ...(offered ? { availableFunctions: tools.functions, documentFunctionParams: true } : {}),
      })
      .contextText.tokenize(this.model.tokenizer);
    const grammar = offered ? null : await this.grammarOf(order.schema);
    return this.measured(order, prompt, signal, async (options, meter) => {
      const { metadata } = await this.chat.generateResponse(history, {
        ...options,
        onResponseChunk: (chunk) => {
          meter.text(chunk.tokens.length);
          if (chunk.text !== '')
            listener.onText(chunk.type === 'segment' ? 'thinking' : 'content', chunk.text);
        },
        ...(offered
          ? {
              ...available,
              ...(order.parallelCalls ? {} : { maxParallelFunctionCalls: 1 }),
              onFunctionCallParamsChunk: ({ functionName, paramsChunk }) => {
                meter.call();
                tools.add(functionName, paramsChunk);
              },
              onFunctionCall: ({ functionName, params }) => {
                meter.call();
                tools.end(functionName, params);
              },
            }
          : grammar
            ? { grammar }
            : {}),
      });
      return metadata.stopReason;
    });
  }

  /**
   * Goes on with a text as it is, without the model's template.
   * @throws LmError `context_overflow`, `invalid_input`, `generation_failed`.
   */
  async complete(order: CompleteOrder, signal: AbortSignal, listener: AnswerListener): Promise<Finish> {
    const prompt =
      typeof order.prompt === 'string'
        ? this.model.tokenize(order.prompt, true)
        : tokensOf(this.model, this.name, order.prompt);
    const { bos } = this.model.tokens;
    if (this.model.tokens.shouldPrependBosToken && bos !== null && prompt[0] !== bos) prompt.unshift(bos);
    const grammar = await this.grammarOf(order.schema);
    this.completion ??= new this.library.LlamaCompletion({ contextSequence: this.sequence });
    const { completion } = this;
    return this.measured(order, prompt, signal, async (options, meter) => {
      const { metadata } = await completion.generateCompletionWithMeta(prompt, {
        ...options,
        ...(grammar ? { grammar } : {}),
        onToken: (tokens) => meter.text(tokens.length),
        onTextChunk: (text) => {
          if (text !== '') listener.onText('content', text);
        },
      });
      return metadata.stopReason;
    });
  }

  /** Vectors of texts. @throws LmError as `Embedder`, and `generation_failed`. */
  async embed(
    order: EmbedOrder,
    signal: AbortSignal,
    onVector: (index: number, values: readonly number[]) => void,
  ): Promise<Finish> {
    const startedAtMs = performance.now();
    const promptTokens = await this.embedder.embed(order.inputs, signal, onVector);
    return {
      reason: signal.aborted ? 'stopped' : 'stop',
      promptTokens,
      cachedTokens: 0,
      promptMs: performance.now() - startedAtMs,
      answerTokens: 0,
      answerMs: 0,
      tokensPerSecond: null,
    };
  }

  private completion: LlamaCompletion | null = null;

  /** Reads the prompt, has `generate` answer it, and says what that took. */
  private async measured(
    order: ChatOrder | CompleteOrder,
    prompt: readonly Token[],
    signal: AbortSignal,
    generate: (options: GenerationOptions, meter: AnswerMeter) => Promise<StopReason>,
  ): Promise<Finish> {
    const room = this.contextSize - prompt.length - 1;
    if (room < 1) throw overflow(this.name, prompt.length, this.contextSize);
    const meter = new AnswerMeter({
      nowMs: () => performance.now(),
      writtenTokens: () => this.sequence.tokenMeter.usedOutputTokens,
    });
    // All but the last token, which the answer itself starts from.
    const cachedTokens = await this.readPrompt(prompt.slice(0, -1), signal);
    const ended = (reason: Finish['reason']): Finish => ({
      ...meter.end(),
      reason,
      promptTokens: prompt.length,
      cachedTokens,
    });
    meter.begin();
    if (signal.aborted) return ended('stopped');
    const reason = await generate(
      {
        temperature: order.temperature ?? sampling.temperature,
        topK: order.topK ?? sampling.topK,
        topP: order.topP ?? sampling.topP,
        minP: order.minP ?? sampling.minP,
        ...(order.seed === null ? {} : { seed: order.seed }),
        repeatPenalty: penaltyOf(order),
        maxTokens: Math.min(order.maxTokens ?? room, room),
        customStopTriggers: order.stop,
        signal,
        stopOnAbortSignal: true,
      },
      meter,
    );
    return ended(reasons[reason]);
  }

  private async grammarOf(schema: ChatOrder['schema']): Promise<LlamaGrammar | null> {
    if (schema === null) return null;
    return this.llama.createGrammarForJsonSchema<GbnfJsonSchema>(toGrammarSchema(schema, 'written'));
  }

  /** Computes what the context does not hold yet, or until it is stopped. Resolves with what it did hold. */
  private async readPrompt(tokens: Token[], signal: AbortSignal): Promise<number> {
    await this.sequence.adaptStateToTokens(tokens, false);
    const pieces = new PromptPieces(batchSize);
    const heldTokens = this.sequence.nextTokenIndex;
    for (let at = heldTokens; at < tokens.length;) {
      if (signal.aborted) break;
      const size = pieces.next(tokens.length - at);
      const startedAtMs = performance.now();
      await this.sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, at + size));
      pieces.took(size, performance.now() - startedAtMs);
      at += size;
    }
    return heldTokens;
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

/** As llama-server has them: 1 and 0 are none. */
function penaltyOf(order: ChatOrder | CompleteOrder): GenerationOptions['repeatPenalty'] {
  const { repeatPenalty, presencePenalty, frequencyPenalty } = order;
  if (repeatPenalty === null && presencePenalty === null && frequencyPenalty === null) return false;
  return {
    penalty: repeatPenalty ?? 1,
    presencePenalty: presencePenalty ?? 0,
    frequencyPenalty: frequencyPenalty ?? 0,
  };
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
