import { z } from 'zod';
import { method, event } from './define';
import { errorDataSchema } from './errors';
import { byteCountSchema, nothingSchema, revisionSchema, timeMsSchema } from './common';

export const engineEndpointSchema = z.object({
  /** `unix:///var/run/docker.sock`, `tcp://host:2376`, … */
  url: z.string().min(1),
  /** Where it was found: the setting, DOCKER_HOST, a docker context, a default or rootless socket, Podman. */
  origin: z.enum(['setting', 'environment', 'context', 'default', 'rootless', 'podman']),
  /** Context name or socket path, for people. */
  label: z.string(),
});
export type EngineEndpoint = z.infer<typeof engineEndpointSchema>;

/** How this engine would give a container NVIDIA GPUs, and which it names. Nothing here proves a GPU works. */
export const engineGpuSchema = z.object({
  mechanism: z.enum(['cdi', 'gpus-flag', 'none']),
  /** CDI device names without their kind, such as `0`, `all`, `GPU-…`; empty when the engine does not list them. */
  devices: z.array(z.string()),
  /** Why no GPU can be requested; null when one can. */
  error: errorDataSchema.nullable(),
});
export type EngineGpu = z.infer<typeof engineGpuSchema>;

export const engineFactsSchema = z.object({
  product: z.enum(['docker', 'podman', 'unknown']),
  version: z.string(),
  apiVersion: z.string(),
  operatingSystem: z.string(),
  kernelVersion: z.string(),
  architecture: z.string(),
  cpus: z.number().int().positive().nullable(),
  memoryBytes: byteCountSchema.nullable(),
  cgroupVersion: z.string().nullable(),
  storageDriver: z.string().nullable(),
  rootDirectory: z.string().nullable(),
  rootless: z.boolean(),
  securityOptions: z.array(z.string()),
  runcVersion: z.string().nullable(),
  containerdVersion: z.string().nullable(),
  gpu: engineGpuSchema,
  /** What the engine warns of, and versions below the advised floor; plain sentences. */
  warnings: z.array(z.string()),
});
export type EngineFacts = z.infer<typeof engineFactsSchema>;

export const engineStateSchema = z.discriminatedUnion('state', [
  z.object({ state: z.literal('searching'), revision: revisionSchema }),
  z.object({
    state: z.literal('connected'),
    revision: revisionSchema,
    endpoint: engineEndpointSchema,
    facts: engineFactsSchema,
    sinceMs: timeMsSchema,
  }),
  z.object({
    state: z.literal('unavailable'),
    revision: revisionSchema,
    /** The most telling failure among the endpoints tried. */
    error: errorDataSchema,
    tried: z.array(z.object({ endpoint: engineEndpointSchema, error: errorDataSchema })),
    retryAtMs: timeMsSchema.nullable(),
  }),
]);
export type EngineState = z.infer<typeof engineStateSchema>;

export const engineMethods = {
  'engine.status': method({ input: nothingSchema, output: engineStateSchema }),
  /** Looks for an engine again at once, instead of waiting for the next retry. */
  'engine.search': method({ input: nothingSchema, output: engineStateSchema, timeoutMs: 60_000 }),
};

export const engineEvents = {
  'engine.changed': event(engineStateSchema),
};
