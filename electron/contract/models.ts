import { z } from 'zod';
import { event, method } from './define';
import { errorDataSchema } from './errors';
import {
  byteCountSchema,
  bytesSchema,
  idSchema,
  nothingSchema,
  revisionSchema,
  timeMsSchema,
} from './common';
import { importChunkBytes } from './limits';

export const runtimeSchema = z.enum(['ollama', 'llama-cpp', 'embedded']);
export type Runtime = z.infer<typeof runtimeSchema>;

export const modelReferenceSchema = z.object({ runtime: runtimeSchema, name: z.string().min(1).max(512) });
export type ModelReference = z.infer<typeof modelReferenceSchema>;

/** How the next token of an answer is chosen; null: as the runtime does by default. */
export const samplingSchema = z.object({
  temperature: z.number().min(0).max(2).nullable(),
  topP: z.number().min(0).max(1).nullable(),
  topK: z.number().int().min(0).nullable(),
  minP: z.number().min(0).max(1).nullable(),
});
export type Sampling = z.infer<typeof samplingSchema>;

export const modelSchema = z.object({
  reference: modelReferenceSchema,
  sizeBytes: byteCountSchema.nullable(),
  family: z.string().nullable(),
  parameterCount: z.string().nullable(),
  quantisation: z.string().nullable(),
  /** What its authors recommend, and what holds here where a question says nothing; left out where that is not known. */
  sampling: samplingSchema.optional(),
  load: z.object({
    state: z.enum(['unloaded', 'loading', 'loaded', 'failed', 'unknown']),
    /** Share of the file that was read while `loading`, 0 to 1, where the runtime says so. */
    progress: z.number().min(0).max(1).optional(),
    memoryBytes: byteCountSchema.nullable(),
    /** Share of the loaded model that lies in VRAM, 0 to 1; null when the runtime does not say. */
    gpuShare: z.number().min(0).max(1).nullable(),
    contextSize: z.number().int().positive().nullable(),
    expiresAtMs: timeMsSchema.nullable(),
    /** Why it `failed`; of a model that is `loaded`, why a graphics card is not used. */
    error: errorDataSchema.nullable(),
  }),
});
export type Model = z.infer<typeof modelSchema>;

export const modelListSchema = z.object({
  revision: revisionSchema,
  runtimes: z.array(
    z.object({
      runtime: runtimeSchema,
      state: z.enum(['ready', 'unavailable']),
      version: z.string().nullable(),
      error: errorDataSchema.nullable(),
    }),
  ),
  models: z.array(modelSchema),
});
export type ModelList = z.infer<typeof modelListSchema>;

export const modelJobSchema = z.object({
  id: idSchema,
  kind: z.enum(['pull', 'import']),
  name: z.string(),
  /** Of a pull: plain HTTP was allowed, so that a retry can ask for the same. */
  insecure: z.boolean().optional(),
  status: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  /** What the runtime says it does, such as `pulling manifest`. */
  phase: z.string(),
  completedBytes: byteCountSchema.nullable(),
  totalBytes: byteCountSchema.nullable(),
  bytesPerSecond: z.number().nonnegative().nullable(),
  error: errorDataSchema.nullable(),
  startedAtMs: timeMsSchema,
});
export type ModelJob = z.infer<typeof modelJobSchema>;

export const modelJobListSchema = z.object({ revision: revisionSchema, jobs: z.array(modelJobSchema) });
export type ModelJobList = z.infer<typeof modelJobListSchema>;

const runtimeErrors = [
  'container_not_running',
  'gateway_unreachable',
  'gateway_unauthorized',
  'model_server_unavailable',
  'model_not_found',
  'model_invalid',
  'model_load_failed',
  'out_of_memory',
  'registry_unreachable',
  'disk_full',
  'storage_failed',
] as const;

/** `name` or `registry/name:tag`; whitespace and control characters have no place in it. */
const modelNameSchema = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/, 'A model name has letters, digits and . _ : / @ - only');

export const modelMethods = {
  /** What the runtimes of the chosen place list now; asks them anew. */
  'models.list': method({ input: nothingSchema, output: modelListSchema, errors: runtimeErrors }),
  'models.load': method({
    input: z.object({ model: modelReferenceSchema }),
    output: nothingSchema,
    errors: runtimeErrors,
    timeoutMs: null,
  }),
  'models.unload': method({
    input: z.object({ model: modelReferenceSchema }),
    output: nothingSchema,
    errors: runtimeErrors,
    timeoutMs: 60_000,
  }),
  'models.remove': method({
    input: z.object({ model: modelReferenceSchema }),
    output: nothingSchema,
    errors: runtimeErrors,
    timeoutMs: 60_000,
  }),
  'models.jobs': method({ input: nothingSchema, output: modelJobListSchema }),
  /** Ollama fetches `name` from its registry, as a job of the host. `insecure` allows plain HTTP. */
  'models.pull': method({
    input: z.object({ name: modelNameSchema, insecure: z.boolean() }),
    output: modelJobSchema,
    errors: runtimeErrors,
  }),
  'models.cancelJob': method({
    input: z.object({ jobId: idSchema }),
    output: nothingSchema,
    errors: ['not_found'],
  }),
  /** Forgets ended jobs. */
  'models.clearJobs': method({ input: nothingSchema, output: nothingSchema }),
  /** Import of a GGUF file: begin, then chunks in order, then finish; the file is usable after finish. */
  'models.importBegin': method({
    input: z.object({
      fileName: z
        .string()
        .max(200)
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\.gguf$/i, 'The file has to be a .gguf with a plain name'),
      sizeBytes: byteCountSchema,
    }),
    output: modelJobSchema,
    errors: runtimeErrors,
  }),
  /** Resolves when the chunk was taken, so awaiting it is the back-pressure. */
  'models.importChunk': method({
    input: z.object({
      jobId: idSchema,
      offset: byteCountSchema,
      bytes: bytesSchema.refine((bytes) => bytes.byteLength <= importChunkBytes, 'The piece is too large'),
    }),
    output: nothingSchema,
    errors: [...runtimeErrors, 'not_found', 'conflict', 'cancelled'],
    timeoutMs: null,
  }),
  'models.importFinish': method({
    input: z.object({ jobId: idSchema }),
    output: modelJobSchema,
    errors: [...runtimeErrors, 'not_found', 'conflict', 'cancelled'],
    timeoutMs: null,
  }),
};

export const modelEvents = {
  'models.changed': event(modelListSchema),
  'models.jobsChanged': event(modelJobListSchema),
};
