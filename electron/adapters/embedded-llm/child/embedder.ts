import type { GgufInsights, LlamaEmbeddingContext, LlamaModel, Token } from 'node-llama-cpp';
import { LmError } from '../../../contract';
import { planMemory } from './memory-plan';
import { tokensOf } from './tokens';
import { unitVector } from './unit-vector';

/** Longest text; all of it has to be in one batch, over which the model's values are pooled. */
const longestTokens = 2048;
/** How a file says that the values of its tokens become one vector; 0 is not at all, 4 is for ranking. */
const poolings: ReadonlySet<unknown> = new Set([1, 2, 3]);

export interface EmbedderDeps {
  readonly name: string;
  readonly model: LlamaModel;
  readonly insights: GgufInsights;
  readonly threads: number;
  readonly onCard: boolean;
  readonly freeBytes: () => number;
}

/** Vectors of texts by the model in memory, in a context of their own beside that of its answers. */
export class Embedder {
  private context: Promise<LlamaEmbeddingContext> | null = null;
  private contextSize = 0;

  constructor(private readonly deps: EmbedderDeps) {}

  /**
   * Calls `onVector` for each input in turn; resolves with the number of tokens of all, or before the next input
   * after `signal` was aborted.
   * @throws LmError `unsupported` for a model that is not made for this, `out_of_memory`, `invalid_input`,
   * `context_overflow`.
   */
  async embed(
    inputs: readonly (string | readonly number[])[],
    signal: AbortSignal,
    onVector: (index: number, values: readonly number[]) => void,
  ): Promise<number> {
    const { name } = this.deps;
    // Refused before any is computed.
    const texts = inputs.map((input) => this.read(input));
    this.context ??= this.open();
    let context: LlamaEmbeddingContext;
    try {
      context = await this.context;
    } catch (error) {
      // Memory may be free the next time.
      this.context = null;
      throw error;
    }
    const counted = texts.map((tokens) => {
      const count = context.calculateInputLength([...tokens]);
      if (count >= this.contextSize) throw tooLong(name, count, this.contextSize);
      return { tokens, count };
    });
    let total = 0;
    for (const [index, { tokens, count }] of counted.entries()) {
      if (signal.aborted) break;
      const { vector } = await context.getEmbeddingFor(tokens);
      onVector(index, unitVector(vector));
      total += count;
    }
    return total;
  }

  private read(input: string | readonly number[]): Token[] {
    const { name, model } = this.deps;
    const tokens = typeof input === 'string' ? model.tokenize(input, true) : tokensOf(model, name, input);
    if (tokens.length === 0) throw new LmError('invalid_input', 'An input must not be empty.');
    return tokens;
  }

  private async open(): Promise<LlamaEmbeddingContext> {
    const { name, model, insights, threads, onCard } = this.deps;
    if (!poolings.has(model.fileInfo.architectureMetadata.pooling_type)) {
      throw new LmError('unsupported', `${name} is not made for embeddings.`, {
        repair: {
          text: 'Use a model that is, such as nomic-embed-text or Qwen3-Embedding: its file says how a vector is made.',
        },
      });
    }
    const plan = await planMemory({
      model: `A context for embeddings of ${name}`,
      modelBytes: 0,
      freeBytes: this.deps.freeBytes(),
      trainedContextSize: Math.min(longestTokens, insights.trainContextSize ?? longestTokens),
      contextBytes: async (contextSize) =>
        onCard
          ? 0
          : (
              await insights.estimateContextResourceRequirementsV2({
                contextSize,
                modelGpuLayers: 0,
                batchSize: contextSize,
                sequences: 1,
                isEmbeddingContext: true,
              })
            ).cpuRam,
    });
    this.contextSize = plan.contextSize;
    return model.createEmbeddingContext({
      contextSize: plan.contextSize,
      batchSize: plan.contextSize,
      threads,
      ignoreMemorySafetyChecks: !onCard,
    });
  }
}

function tooLong(name: string, tokens: number, contextSize: number): LmError {
  return new LmError(
    'context_overflow',
    `An input of ${tokens} tokens is too long for the embeddings of ${name}, which take fewer than ${contextSize}.`,
    {
      details: { n_prompt_tokens: tokens, n_ctx: contextSize },
      repair: { text: 'Cut it into shorter pieces.' },
    },
  );
}
