import { z } from 'zod';
import { errorDataSchema } from '../../contract';

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
    turns: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })).min(1),
    temperature: z.number().min(0).nullable(),
    maxTokens: z.number().int().positive().nullable(),
  }),
  z.object({ type: z.literal('stop'), id: z.number().int() }),
]);
export type ToChild = z.infer<typeof toChildSchema>;

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
  }),
  z.object({ type: z.literal('loadFailed'), error: errorDataSchema }),
  z.object({
    type: z.literal('text'),
    id: z.number().int(),
    kind: z.enum(['content', 'thinking']),
    text: z.string(),
  }),
  /** The end of an answer; after it nothing is computed for it any more. */
  z.object({
    type: z.literal('finish'),
    id: z.number().int(),
    reason: z.enum(['stop', 'length', 'stopped']),
    promptTokens: z.number().int().nonnegative(),
    answerTokens: z.number().int().nonnegative(),
    tokensPerSecond: z.number().nonnegative().nullable(),
  }),
  z.object({ type: z.literal('failed'), id: z.number().int(), error: errorDataSchema }),
]);
export type FromChild = z.infer<typeof fromChildSchema>;
