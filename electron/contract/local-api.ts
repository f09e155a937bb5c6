import { z } from 'zod';
import { event, method } from './define';
import { errorDataSchema } from './errors';
import { nothingSchema, revisionSchema } from './common';

export const localApiStateSchema = z.enum([
  'off',
  /** Switched on; it runs while the embedded sandbox does. */
  'waiting',
  /** Its Python environment is made. */
  'preparing',
  'starting',
  'running',
  'stopping',
  'failed',
]);
export type LocalApiState = z.infer<typeof localApiStateSchema>;

/** The HTTP API of the embedded sandbox: the gateway of the container, as a program of this computer. */
export const localApiStatusSchema = z.object({
  revision: revisionSchema,
  state: localApiStateSchema,
  /** While it is prepared. Counts packages; `total` is null while that is not known. */
  progress: z
    .object({
      step: z.string(),
      completed: z.number().int().nonnegative(),
      total: z.number().int().positive().nullable(),
    })
    .nullable(),
  /** `http://127.0.0.1:PORT` while it runs. */
  address: z.string().nullable(),
  /** What keeps its commands from this computer; null while it does not run. */
  isolation: z.enum(['bubblewrap', 'none']).nullable(),
  /** Where the token is kept, for programs of this computer. */
  tokenFile: z.string(),
  /** Why it does not run; while it runs, why models are not to be had through it. */
  error: errorDataSchema.nullable(),
});
export type LocalApiStatus = z.infer<typeof localApiStatusSchema>;

export const localApiMethods = {
  'localApi.status': method({ input: nothingSchema, output: localApiStatusSchema }),
  /** Keeps the choice, and answers at once; how it goes on is told by `localApi.changed`. */
  'localApi.setEnabled': method({
    input: z.object({ enabled: z.boolean() }),
    output: localApiStatusSchema,
    errors: ['storage_failed', 'disk_full'],
  }),
  /** Tries again after a failure. */
  'localApi.retry': method({ input: nothingSchema, output: localApiStatusSchema }),
  'localApi.token': method({
    input: nothingSchema,
    output: z.object({ token: z.string() }),
    errors: ['storage_failed', 'disk_full'],
  }),
};

export const localApiEvents = { 'localApi.changed': event(localApiStatusSchema) };
