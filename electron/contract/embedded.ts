import { z } from 'zod';
import { event, method } from './define';
import { errorDataSchema } from './errors';
import { nothingSchema, revisionSchema, timeMsSchema } from './common';

/** Where the person works: in a container of an engine, or on this computer without one. */
export const sandboxPlaceSchema = z.enum(['container', 'embedded']);
export type SandboxPlace = z.infer<typeof sandboxPlaceSchema>;

/** What a shell runs in. `unisolated`: on this computer, with everything that the person's own programs may do. */
export const shellPlaceSchema = z.enum(['container', 'embedded', 'unisolated']);
export type ShellPlace = z.infer<typeof shellPlaceSchema>;

export const embeddedStateSchema = z.enum([
  'off',
  /** Bubblewrap is looked for and tried. */
  'checking',
  /** Nothing isolates; no shell is opened before the person says that this is all right. */
  'needs-consent',
  'ready',
  'stopping',
  'failed',
]);
export type EmbeddedState = z.infer<typeof embeddedStateSchema>;

export const embeddedIsolationSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('unknown') }),
  z.object({
    kind: z.literal('bubblewrap'),
    version: z.string(),
    /**
     * `own`: a user namespace of its own. `separate-user`: the app runs as root, so programs run as the user nobody
     * of this computer instead.
     */
    user: z.enum(['own', 'separate-user']),
    /** False on processors for which there is no filter: keyrings and user namespaces are then not closed. */
    systemCallFilter: z.boolean(),
  }),
  z.object({ kind: z.literal('none'), reason: errorDataSchema }),
]);
export type EmbeddedIsolation = z.infer<typeof embeddedIsolationSchema>;

/** One limit: what is wished, and what holds it. */
export const embeddedLimitSchema = z.object({
  /** Null: no limit is wished. Processes and files are counts, memory is in bytes, CPU in cores. */
  wanted: z.number().positive().nullable(),
  /** Null: nothing holds it. */
  heldBy: z.enum(['process-limit', 'systemd', 'control-group']).nullable(),
  /** Why a limit that is wished does not hold. */
  problem: z.string().nullable(),
});
export type EmbeddedLimit = z.infer<typeof embeddedLimitSchema>;

export const embeddedLimitsSchema = z.object({
  processes: embeddedLimitSchema,
  openFiles: embeddedLimitSchema,
  memoryBytes: embeddedLimitSchema,
  cpus: embeddedLimitSchema,
});
export type EmbeddedLimits = z.infer<typeof embeddedLimitsSchema>;

export const embeddedStatusSchema = z.object({
  revision: revisionSchema,
  state: embeddedStateSchema,
  isolation: embeddedIsolationSchema,
  /** Whether programs inside reach the network; what the next start would give while none runs. */
  network: z.boolean(),
  /** Null until a start has found out. */
  limits: embeddedLimitsSchema.nullable(),
  /** On this computer, and where programs inside find them; the same two where nothing isolates. */
  home: z.object({ folder: z.string(), inside: z.string() }),
  workspace: z.object({ folder: z.string(), inside: z.string() }),
  startedAtMs: timeMsSchema.nullable(),
  /** Shells and commands that run now, those of the API among them. */
  running: z.number().int().nonnegative(),
  error: errorDataSchema.nullable(),
});
export type EmbeddedStatus = z.infer<typeof embeddedStatusSchema>;

const change = <I extends z.ZodType>(input: I) =>
  method({
    input,
    output: embeddedStatusSchema,
    errors: ['conflict', 'unsupported', 'storage_failed', 'disk_full'],
    timeoutMs: 60_000,
  });

export const embeddedMethods = {
  'embedded.status': method({ input: nothingSchema, output: embeddedStatusSchema }),
  /** Makes the folders and tries bubblewrap; ends in `ready`, `needs-consent` or `failed`. */
  'embedded.start': change(nothingSchema),
  /** Ends every program inside. */
  'embedded.stop': change(nothingSchema),
  'embedded.restart': change(nothingSchema),
  /** The person's yes to shells that nothing isolates; for this start only, unless `remember` is set. */
  'embedded.consent': change(z.object({ remember: z.boolean() })),
  /** Keeps the choice; a sandbox that runs is started anew, which ends what runs in it. */
  'embedded.setNetwork': change(z.object({ network: z.boolean() })),
};

export const embeddedEvents = { 'embedded.changed': event(embeddedStatusSchema) };
