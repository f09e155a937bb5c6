import { z } from 'zod';
import { event, method } from './define';
import { errorDataSchema } from './errors';
import { byteCountSchema, nothingSchema, revisionSchema, timeMsSchema } from './common';

/** What the person asked for. `none` is an explicit choice of CPU; it is never taken in place of `all`. */
export const gpuChoiceSchema = z.enum(['all', 'none']);
export type GpuChoice = z.infer<typeof gpuChoiceSchema>;

export const sandboxPhaseSchema = z.enum([
  /** No engine is connected, so nothing is known. */
  'unknown',
  'absent',
  /** The name belongs to a container this app did not make. */
  'foreign',
  'created',
  'starting',
  'healthy',
  'unhealthy',
  'stopping',
  'stopped',
  'failed',
]);
export type SandboxPhase = z.infer<typeof sandboxPhaseSchema>;

export const sandboxOperationSchema = z.enum([
  'create',
  'adopt',
  'start',
  'stop',
  'restart',
  'remove',
  'recreate',
]);
export type SandboxOperation = z.infer<typeof sandboxOperationSchema>;

export const containerFactsSchema = z.object({
  id: z.string(),
  name: z.string(),
  imageId: z.string(),
  imageReference: z.string(),
  /** True when made by this app (its labels are there) or adopted by the person. */
  managed: z.boolean(),
  /** Plain reasons why recreating would change something (newer image, changed limits); empty when current. */
  outdated: z.array(z.string()),
  createdAtMs: timeMsSchema.nullable(),
  startedAtMs: timeMsSchema.nullable(),
  finishedAtMs: timeMsSchema.nullable(),
  exitCode: z.number().int().nullable(),
  outOfMemory: z.boolean(),
  gpu: z.object({
    choice: gpuChoiceSchema,
    mechanism: z.enum(['cdi', 'gpus-flag', 'none']),
    devices: z.array(z.string()),
  }),
  hostPort: z.number().int().nullable(),
  memoryLimitBytes: byteCountSchema.nullable(),
  cpuLimit: z.number().positive().nullable(),
  pidsLimit: z.number().int().positive().nullable(),
  volumes: z.array(z.object({ name: z.string(), path: z.string() })),
});
export type ContainerFacts = z.infer<typeof containerFactsSchema>;

export const imageFactsSchema = z.discriminatedUnion('state', [
  z.object({ state: z.literal('unknown') }),
  z.object({ state: z.literal('missing'), reference: z.string() }),
  z.object({
    state: z.literal('present'),
    reference: z.string(),
    id: z.string(),
    sizeBytes: byteCountSchema,
    createdAtMs: timeMsSchema.nullable(),
    /** False when the image was built from another version of this app's docker folder. */
    current: z.boolean(),
  }),
]);
export type ImageFacts = z.infer<typeof imageFactsSchema>;

/** One supervised program in the container, as the gateway's health report gives it. */
export const sandboxPartSchema = z.object({
  name: z.enum(['gateway', 'ollama', 'llama-cpp']),
  state: z.enum(['unknown', 'disabled', 'starting', 'ready', 'backing-off', 'crashed']),
  restarts: z.number().int().nonnegative().nullable(),
  lastError: z.string().nullable(),
});
export type SandboxPart = z.infer<typeof sandboxPartSchema>;

export const sandboxStatusSchema = z.object({
  revision: revisionSchema,
  phase: sandboxPhaseSchema,
  /** The operation under way, if any. */
  operation: sandboxOperationSchema.nullable(),
  container: containerFactsSchema.nullable(),
  image: imageFactsSchema,
  parts: z.array(sandboxPartSchema),
  /** The last failure that still stands; cleared by the next successful operation. */
  error: errorDataSchema.nullable(),
});
export type SandboxStatus = z.infer<typeof sandboxStatusSchema>;

const operationErrors = [
  'engine_not_running',
  'engine_connection_lost',
  'engine_failed',
  'image_missing',
  'container_missing',
  'container_failed',
  'name_in_use',
  'port_in_use',
  'disk_full',
  'storage_failed',
  'conflict',
  'gpu_toolkit_missing',
  'gpu_device_unknown',
  'gpu_driver_mismatch',
  'gpu_driver_too_old',
  'gpu_driver_missing',
  'gpu_permission_denied',
  'gpu_unavailable',
] as const;

const operation = <I extends z.ZodType>(input: I) =>
  method({ input, output: sandboxStatusSchema, errors: operationErrors, timeoutMs: null });

/**
 * The page chooses among these and nothing else; name, image, port, volumes and limits come from the
 * validated settings, so no free-form container option can cross this line.
 */
export const sandboxMethods = {
  'sandbox.status': method({ input: nothingSchema, output: sandboxStatusSchema }),
  'sandbox.create': operation(z.object({ gpu: gpuChoiceSchema })),
  /** Takes over a container of the configured name that this app did not make. */
  'sandbox.adopt': operation(nothingSchema),
  'sandbox.start': operation(nothingSchema),
  'sandbox.stop': operation(nothingSchema),
  'sandbox.restart': operation(nothingSchema),
  'sandbox.recreate': operation(z.object({ gpu: gpuChoiceSchema })),
  'sandbox.remove': operation(z.object({ removeVolumes: z.boolean() })),
};

export const sandboxEvents = {
  'sandbox.changed': event(sandboxStatusSchema),
};
