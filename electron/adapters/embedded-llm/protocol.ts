import { z } from 'zod';
import { errorDataSchema } from '../../contract';
import { chatTurnSchema, jsonSchemaSchema, toolChoiceSchema, toolSchema } from '../../services/models/ports';

/** Null: what the runtime has by default, see `sampling` in loaded-model.ts. */
const samplingFields = {
  temperature: z.number().min(0).nullable(),
  maxTokens: z.number().int().positive().nullable(),
  topP: z.number().min(0).max(1).nullable().default(null),
  topK: z.number().int().min(0).nullable().default(null),
  minP: z.number().min(0).max(1).nullable().default(null),
  seed: z.number().int().nonnegative().nullable().default(null),
  repeatPenalty: z.number().positive().nullable().default(null),
  presencePenalty: z.number().nullable().default(null),
  frequencyPenalty: z.number().nullable().default(null),
  /** Texts that end an answer; they are no part of it. */
  stop: z.array(z.string().min(1)).default([]),
  /** The answer is JSON of this schema. */
  schema: jsonSchemaSchema.nullable().default(null),
};

/**
 * What host and model process tell each other over Node's IPC channel. A process holds one model: `load` is the
 * first message and comes once; to get rid of the model the host ends the process.
 */
export const toChildSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('load'),
    file: z.string().min(1),
    /** Null: as many as the processor has for mathematics. */
    threads: z.number().int().positive().nullable(),
  }),
  z.object({
    type: z.literal('chat'),
    id: z.number().int(),
    turns: z.array(chatTurnSchema).min(1),
    tools: z.array(toolSchema).default([]),
    toolChoice: toolChoiceSchema.default('auto'),
    /** Whether one answer may hold several calls. */
    parallelCalls: z.boolean().default(true),
    ...samplingFields,
  }),
  /** Goes on with a text as it is, without the model's template. */
  z.object({
    type: z.literal('complete'),
    id: z.number().int(),
    /** A text, or the numbers of tokens. */
    prompt: z.union([z.string(), z.array(z.number().int().nonnegative())]),
    ...samplingFields,
  }),
  /** Vectors of texts, or of the numbers of their tokens. */
  z.object({
    type: z.literal('embed'),
    id: z.number().int(),
    inputs: z.array(z.union([z.string(), z.array(z.number().int().nonnegative())])).min(1),
  }),
  z.object({ type: z.literal('stop'), id: z.number().int() }),
]);
/** As it is sent; what has a default may be left out. */
export type ToChild = z.input<typeof toChildSchema>;
/** As it is read. */
export type Order = z.output<typeof toChildSchema>;

export const fromChildSchema = z.discriminatedUnion('type', [
  /** Share of the file that was read, 0 to 1. */
  z.object({ type: z.literal('progress'), share: z.number().min(0).max(1) }),
  z.object({
    type: z.literal('loaded'),
    contextSize: z.number().int().positive(),
    memoryBytes: z.number().int().nonnegative(),
    /** Share of the model that lies on a graphics card, 0 to 1. */
    gpuShare: z.number().min(0).max(1),
    threads: z.number().int().positive(),
    /** Release of llama.cpp, such as `b8000`. */
    release: z.string(),
    /** Why there is nothing on a graphics card, where something could be. */
    cardProblem: errorDataSchema.nullable(),
  }),
  z.object({ type: z.literal('loadFailed'), error: errorDataSchema }),
  z.object({
    type: z.literal('text'),
    id: z.number().int(),
    kind: z.enum(['content', 'thinking']),
    text: z.string(),
  }),
  /** A piece of the arguments of a call; the first piece of each call has its name. */
  z.object({
    type: z.literal('call'),
    id: z.number().int(),
    /** Which of the answer's calls, from 0. */
    index: z.number().int().nonnegative(),
    name: z.string().nullable(),
    text: z.string(),
  }),
  /** Of the input at `index`, of length 1. */
  z.object({
    type: z.literal('vector'),
    id: z.number().int(),
    index: z.number().int().nonnegative(),
    values: z.array(z.number()),
  }),
  /** The end of an answer; after it nothing is computed for it any more. */
  z.object({
    type: z.literal('finish'),
    id: z.number().int(),
    reason: z.enum(['stop', 'length', 'calls', 'stopped']),
    promptTokens: z.number().int().nonnegative(),
    /** Of the prompt, those that were still there from the question before. */
    cachedTokens: z.number().int().nonnegative(),
    promptMs: z.number().nonnegative(),
    /** From the first token of the answer to its last. */
    answerMs: z.number().nonnegative(),
    answerTokens: z.number().int().nonnegative(),
    tokensPerSecond: z.number().nonnegative().nullable(),
  }),
  z.object({ type: z.literal('failed'), id: z.number().int(), error: errorDataSchema }),
]);
export type FromChild = z.infer<typeof fromChildSchema>;
