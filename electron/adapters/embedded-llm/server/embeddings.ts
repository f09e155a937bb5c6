import { z } from 'zod';
import { LmError } from '../../../contract';
import type { Embeddings } from '../llm-process';
import { parse } from './parse';

const tokensSchema = z.array(z.number().int().nonnegative()).min(1);
const embeddingSchema = z.looseObject({
  model: z.string().min(1),
  /** One text, or several; texts or the numbers of their tokens. */
  input: z.union([z.string(), z.array(z.string()).min(1), tokensSchema, z.array(tokensSchema).min(1)]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.number().nullish(),
});

/** A question for vectors as it came by HTTP, read. */
export interface EmbeddingQuestion {
  readonly model: string;
  readonly inputs: readonly (string | number[])[];
  readonly packed: boolean;
}

/** @throws LmError `invalid_input`, or `unsupported` for shorter vectors than the model's. */
export function readEmbedding(body: unknown): EmbeddingQuestion {
  const { model, input, encoding_format: format, dimensions } = parse(embeddingSchema, body);
  if (dimensions != null) {
    throw new LmError('unsupported', 'dimensions: not supported by the embedded llama.cpp.');
  }
  return { model, inputs: inputsOf(input), packed: format === 'base64' };
}

function inputsOf(input: z.infer<typeof embeddingSchema>['input']): (string | number[])[] {
  if (typeof input === 'string') return [input];
  const numbers = tokensSchema.safeParse(input);
  if (numbers.success) return [numbers.data];
  return input.filter((each) => typeof each !== 'number');
}

/** The vectors as llama-server tells them; packed ones are 32-bit floats, the lowest byte first, in base64. */
export function embeddingAnswer(
  { model, packed }: EmbeddingQuestion,
  { vectors, promptTokens }: Embeddings,
): Record<string, unknown> {
  return {
    model,
    object: 'list',
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
    data: vectors.map((values, index) => ({
      embedding: packed ? pack(values) : values,
      index,
      object: 'embedding',
      ...(packed ? { encoding_format: 'base64' } : {}),
    })),
  };
}

function pack(values: readonly number[]): string {
  const floats = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => floats.setFloat32(index * 4, value, true));
  return Buffer.from(floats.buffer).toString('base64');
}
