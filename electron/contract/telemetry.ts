import { z } from 'zod';
import { stream } from './define';
import { errorDataSchema } from './errors';
import { byteCountSchema, nothingSchema, timeMsSchema } from './common';

const rateSchema = z.number().nonnegative().nullable();

/** One second of the container, as the engine's stats give it; null is "not reported", never zero. */
export const containerSampleSchema = z.object({
  timeMs: timeMsSchema,
  /** 100 is one core fully used. */
  cpuPercent: z.number().nonnegative().nullable(),
  memoryUsedBytes: byteCountSchema.nullable(),
  memoryLimitBytes: byteCountSchema.nullable(),
  networkReceivedBytesPerSecond: rateSchema,
  networkSentBytesPerSecond: rateSchema,
  blockReadBytesPerSecond: rateSchema,
  blockWrittenBytesPerSecond: rateSchema,
  pids: z.number().int().nonnegative().nullable(),
});
export type ContainerSample = z.infer<typeof containerSampleSchema>;

export const telemetryChunkSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('state'),
    /** Null when samples flow; else why there are none. */
    error: errorDataSchema.nullable(),
    onlineCpus: z.number().positive().nullable(),
    /** Oldest first, at most `telemetryHistorySeconds`. */
    history: z.array(containerSampleSchema),
  }),
  z.object({ kind: z.literal('sample'), sample: containerSampleSchema }),
]);
export type TelemetryChunk = z.infer<typeof telemetryChunkSchema>;

const metric = z.number().nullable();

/** One reading of one GPU. Every absent value (`[N/A]`, an error token, an unknown field) is null. */
export const gpuSampleSchema = z.object({
  timeMs: timeMsSchema,
  index: z.number().int().nonnegative(),
  utilisationPercent: metric,
  memoryUtilisationPercent: metric,
  memoryTotalBytes: byteCountSchema.nullable(),
  memoryUsedBytes: byteCountSchema.nullable(),
  memoryReservedBytes: byteCountSchema.nullable(),
  temperatureCelsius: metric,
  powerWatts: metric,
  powerLimitWatts: metric,
  fanPercent: metric,
  smClockMegahertz: metric,
  memoryClockMegahertz: metric,
  performanceState: z.string().nullable(),
  throttleReasons: z.array(z.string()).nullable(),
  /** Why a value above is null, by field name, in nvidia-smi's own words such as `[N/A]`. */
  missing: z.record(z.string(), z.string()),
});
export type GpuSample = z.infer<typeof gpuSampleSchema>;

export const gpuFactsSchema = z.object({
  index: z.number().int().nonnegative(),
  uuid: z.string().nullable(),
  name: z.string(),
  driverVersion: z.string().nullable(),
  computeCapability: z.string().nullable(),
  migMode: z.string().nullable(),
  persistenceMode: z.string().nullable(),
  /** True when the device says that it is a simulation for tests. */
  simulated: z.boolean(),
});
export type GpuFacts = z.infer<typeof gpuFactsSchema>;

export const gpuStateSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('waiting') }),
  /** No GPU to show: why, and what to do. */
  z.object({ status: z.literal('unavailable'), error: errorDataSchema }),
  z.object({ status: z.literal('available'), gpus: z.array(gpuFactsSchema).min(1) }),
]);
export type GpuState = z.infer<typeof gpuStateSchema>;

export const gpuChunkSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('state'), state: gpuStateSchema, history: z.array(gpuSampleSchema) }),
  z.object({ kind: z.literal('samples'), samples: z.array(gpuSampleSchema) }),
]);
export type GpuChunk = z.infer<typeof gpuChunkSchema>;

export const logLineSchema = z.object({
  sequence: z.number().int().nonnegative(),
  timeMs: timeMsSchema.nullable(),
  source: z.enum(['stdout', 'stderr']),
  text: z.string(),
});
export type LogLine = z.infer<typeof logLineSchema>;

export const logChunkSchema = z.discriminatedUnion('kind', [
  /** `replace` is true on the first chunk and after the container was replaced. */
  z.object({ kind: z.literal('lines'), replace: z.boolean(), lines: z.array(logLineSchema) }),
  z.object({ kind: z.literal('gap'), droppedChunks: z.number().int().positive() }),
  z.object({ kind: z.literal('state'), error: errorDataSchema.nullable() }),
]);
export type LogChunk = z.infer<typeof logChunkSchema>;

/**
 * Telemetry streams are lossless with a small window: their producers send at 1 Hz and skip a tick while the
 * page has not consumed the last one.
 */
export const telemetryStreams = {
  'telemetry.watch': stream({
    input: nothingSchema,
    chunk: telemetryChunkSchema,
    policy: 'lossless',
    windowBytes: 256 * 1024,
  }),
  'gpu.watch': stream({
    input: nothingSchema,
    chunk: gpuChunkSchema,
    policy: 'lossless',
    windowBytes: 256 * 1024,
  }),
  'logs.watch': stream({
    input: nothingSchema,
    chunk: logChunkSchema,
    policy: 'bounded-with-gap',
    windowBytes: 1024 * 1024,
    gap: (droppedChunks) => ({ kind: 'gap' as const, droppedChunks }),
  }),
};
