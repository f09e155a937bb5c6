import { z } from 'zod';
import { event, method, stream } from './define';
import { errorDataSchema } from './errors';
import { idSchema, nothingSchema, revisionSchema, timeMsSchema } from './common';

export const buildStepSchema = z.object({
  index: z.number().int().nonnegative(),
  /** Total steps as the builder announces them; null until it does. */
  total: z.number().int().positive().nullable(),
  name: z.string(),
  status: z.enum(['waiting', 'running', 'done', 'cached', 'failed', 'cancelled']),
  startedAtMs: timeMsSchema.nullable(),
  finishedAtMs: timeMsSchema.nullable(),
  /** Bytes fetched for this step where the builder reports them. */
  completedBytes: z.number().nonnegative().nullable(),
  totalBytes: z.number().nonnegative().nullable(),
});
export type BuildStep = z.infer<typeof buildStepSchema>;

export const buildStateSchema = z.object({
  revision: revisionSchema,
  id: idSchema,
  status: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  reference: z.string(),
  startedAtMs: timeMsSchema,
  finishedAtMs: timeMsSchema.nullable(),
  steps: z.array(buildStepSchema),
  error: errorDataSchema.nullable(),
});
export type BuildState = z.infer<typeof buildStateSchema>;

export const buildChunkSchema = z.discriminatedUnion('kind', [
  /** First chunk: where the build stands, and the log kept so far. */
  z.object({
    kind: z.literal('snapshot'),
    build: buildStateSchema.nullable(),
    logLines: z.array(z.string()),
  }),
  z.object({ kind: z.literal('log'), lines: z.array(z.string()) }),
]);
export type BuildChunk = z.infer<typeof buildChunkSchema>;

export const imageMethods = {
  /** Starts a build in the host and returns at once; it goes on whatever happens to the page. */
  'image.build': method({
    input: z.object({ withoutCache: z.boolean() }),
    output: buildStateSchema,
    errors: ['conflict', 'engine_not_running', 'engine_connection_lost'],
  }),
  'image.cancelBuild': method({ input: nothingSchema, output: nothingSchema, timeoutMs: 30_000 }),
  /** The running or the last build; null when there was none since the host started. */
  'image.buildStatus': method({ input: nothingSchema, output: buildStateSchema.nullable() }),
};

export const imageStreams = {
  'image.watchBuildLog': stream({
    input: nothingSchema,
    chunk: buildChunkSchema,
    policy: 'lossless',
    windowBytes: 512 * 1024,
  }),
};

export const imageEvents = {
  'image.buildChanged': event(buildStateSchema),
};
