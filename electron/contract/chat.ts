import { z } from 'zod';
import { event, method, stream } from './define';
import { errorDataSchema } from './errors';
import { idSchema, nothingSchema, revisionSchema, timeMsSchema } from './common';
import { maxChatTextLength } from './limits';
import { modelReferenceSchema } from './models';

/** What one answer cost, as the runtime reported it; null where it reported nothing. */
export const answerMetricsSchema = z.object({
  promptTokens: z.number().int().nonnegative().nullable(),
  answerTokens: z.number().int().nonnegative().nullable(),
  /** From sending the request to the first token seen by the host. */
  timeToFirstTokenMs: z.number().nonnegative().nullable(),
  /** Answer tokens per second of generation, from the runtime's own timings. */
  tokensPerSecond: z.number().nonnegative().nullable(),
  durationMs: z.number().nonnegative(),
  finishReason: z.enum(['stop', 'length', 'stopped', 'error', 'unknown']),
});
export type AnswerMetrics = z.infer<typeof answerMetricsSchema>;

export const chatMessageSchema = z.object({
  id: idSchema,
  /** The message this one follows. Today a conversation is one line; branches will share parents. */
  parentId: idSchema.nullable(),
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
  thinking: z.string(),
  model: modelReferenceSchema.nullable(),
  status: z.enum(['streaming', 'complete', 'stopped', 'failed']),
  error: errorDataSchema.nullable(),
  metrics: answerMetricsSchema.nullable(),
  createdAtMs: timeMsSchema,
});
export type ChatMessage = z.infer<typeof chatMessageSchema>;

export const conversationSummarySchema = z.object({
  id: idSchema,
  title: z.string(),
  createdAtMs: timeMsSchema,
  updatedAtMs: timeMsSchema,
  messageCount: z.number().int().nonnegative(),
  model: modelReferenceSchema.nullable(),
  systemPrompt: z.string(),
  answering: z.boolean(),
});
export type ConversationSummary = z.infer<typeof conversationSummarySchema>;

export const conversationListSchema = z.object({
  revision: revisionSchema,
  conversations: z.array(conversationSummarySchema),
  /** Set while conversations cannot be saved, or when a damaged file was set aside at start. */
  storageError: errorDataSchema.nullable().optional(),
});
export type ConversationList = z.infer<typeof conversationListSchema>;

export const chatChunkSchema = z.discriminatedUnion('kind', [
  /** Replaces all that was sent before; a long conversation goes on in `more` chunks. */
  z.object({ kind: z.literal('snapshot'), messages: z.array(chatMessageSchema) }),
  /** Further messages of the snapshot, so that no frame grows with the length of a conversation. */
  z.object({ kind: z.literal('more'), messages: z.array(chatMessageSchema) }),
  /** A message was added, or one has ended: its final text, status and metrics. */
  z.object({ kind: z.literal('message'), message: chatMessageSchema }),
  z.object({ kind: z.literal('delta'), messageId: idSchema, content: z.string(), thinking: z.string() }),
]);
export type ChatChunk = z.infer<typeof chatChunkSchema>;

export const generationOptionsSchema = z.object({
  temperature: z.number().min(0).max(2).nullable(),
  maxTokens: z.number().int().positive().max(1_000_000).nullable(),
});
export type GenerationOptions = z.infer<typeof generationOptionsSchema>;

export const chatMethods = {
  'chat.list': method({ input: nothingSchema, output: conversationListSchema, errors: ['storage_failed'] }),
  'chat.create': method({
    input: z.object({ model: modelReferenceSchema.nullable() }),
    output: conversationSummarySchema,
    errors: ['storage_failed', 'disk_full'],
  }),
  'chat.update': method({
    input: z.object({
      conversationId: idSchema,
      title: z.string().min(1).max(200).optional(),
      systemPrompt: z.string().max(100_000).optional(),
      model: modelReferenceSchema.nullable().optional(),
    }),
    output: conversationSummarySchema,
    errors: ['not_found', 'storage_failed'],
  }),
  'chat.remove': method({
    input: z.object({ conversationId: idSchema }),
    output: nothingSchema,
    errors: ['not_found'],
  }),
  /** Stores the question and starts the answer in the host; returns before the answer is there. */
  'chat.send': method({
    input: z.object({
      conversationId: idSchema,
      text: z.string().min(1).max(maxChatTextLength),
      model: modelReferenceSchema,
      options: generationOptionsSchema,
    }),
    output: z.object({ userMessageId: idSchema, assistantMessageId: idSchema }),
    errors: ['not_found', 'conflict', 'container_not_running', 'storage_failed', 'disk_full'],
  }),
  /** Answers the last question again, in place of its last answer. */
  'chat.retry': method({
    input: z.object({
      conversationId: idSchema,
      model: modelReferenceSchema,
      options: generationOptionsSchema,
    }),
    output: z.object({ assistantMessageId: idSchema }),
    errors: ['not_found', 'conflict', 'container_not_running', 'storage_failed'],
  }),
  /** Ends the running answer; what was written stays. Resolves when the runtime's slot was let go. */
  'chat.stop': method({
    input: z.object({ conversationId: idSchema }),
    output: nothingSchema,
    errors: ['not_found'],
  }),
};

export const chatStreams = {
  'chat.watch': stream({
    input: z.object({ conversationId: idSchema }),
    chunk: chatChunkSchema,
    policy: 'lossless',
    windowBytes: 1024 * 1024,
  }),
};

export const chatEvents = {
  'chat.changed': event(conversationListSchema),
};
