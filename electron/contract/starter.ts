import { z } from 'zod';
import { event, method } from './define';
import { errorDataSchema } from './errors';
import { byteCountSchema, nothingSchema, revisionSchema } from './common';

/** A small model that is offered to whoever has none yet. */
export const starterModelSchema = z.object({
  id: z.string().min(1).max(100),
  name: z.string(),
  /** Of the file that the first mirror has. */
  sizeBytes: byteCountSchema,
  /** SPDX identifier. */
  license: z.string(),
  /** What it is good for, and what not, in a sentence. */
  use: z.string(),
  /** Lies in the folder of the embedded models. */
  installed: z.boolean(),
});
export type StarterModel = z.infer<typeof starterModelSchema>;

export const starterDownloadSchema = z.object({
  modelId: z.string(),
  status: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  /** What is done now, such as `fetching from huggingface.co`. */
  phase: z.string(),
  completedBytes: byteCountSchema,
  totalBytes: byteCountSchema.nullable(),
  bytesPerSecond: z.number().nonnegative().nullable(),
  /** Mirrors that were tried without success, and why. */
  tried: z.array(z.object({ mirror: z.string(), reason: z.string() })),
  error: errorDataSchema.nullable(),
});
export type StarterDownload = z.infer<typeof starterDownloadSchema>;

export const starterStateSchema = z.object({
  revision: revisionSchema,
  models: z.array(starterModelSchema),
  /** The running download, or how the last one ended. */
  download: starterDownloadSchema.nullable(),
});
export type StarterState = z.infer<typeof starterStateSchema>;

const modelInput = z.object({ modelId: z.string().min(1).max(100) });

export const starterMethods = {
  'starter.status': method({ input: nothingSchema, output: starterStateSchema }),
  /** The person's yes: fetches the model as a job of the host. What an earlier one has fetched is used. */
  'starter.download': method({
    input: modelInput,
    output: starterStateSchema,
    errors: ['not_found', 'conflict'],
  }),
  /** Resolves when nothing is fetched any more; the partial file stays for a later download. */
  'starter.cancel': method({ input: nothingSchema, output: starterStateSchema }),
};

export const starterEvents = { 'starter.changed': event(starterStateSchema) };
