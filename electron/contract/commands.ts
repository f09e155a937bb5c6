import { z } from 'zod';
import { bytesSchema, idSchema, nothingSchema } from './common';
import { method, stream } from './define';
import { maxCommandInputBytes, maxTerminalColumns, maxTerminalRows } from './limits';

const withoutNul = z.string().refine((text) => !text.includes('\0'), 'A NUL character cannot be passed on');

export const commandSizeSchema = z.object({
  columns: z.number().int().min(1).max(maxTerminalColumns),
  rows: z.number().int().min(1).max(maxTerminalRows),
});
export type CommandSize = z.infer<typeof commandSizeSchema>;

export const commandRequestSchema = z.object({
  /** Chosen by the caller, once for each command; names it in the calls below, for this connection only. */
  id: idSchema,
  /** Program and arguments; null, with `terminal` only: a login shell. */
  command: z.array(withoutNul).min(1).max(10_000).nullable(),
  /** As seen inside; a relative one begins at the workspace. Null: the workspace. */
  workingFolder: withoutNul.min(1).max(4096).nullable(),
  /** Added to the sandbox's own variables. */
  environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), withoutNul),
  /** After it, the command and all it started are ended. Null: a day in a container, no limit elsewhere. */
  timeoutMs: z.number().int().positive().max(86_400_000).nullable(),
  /** Whether `commands.write` will come; without, the standard input is empty. */
  input: z.boolean(),
  /** A terminal of its own of this size, whose output comes as `stdout`; null for three pipes. */
  terminal: commandSizeSchema.nullable(),
});
export type CommandRequest = z.infer<typeof commandRequestSchema>;

export const commandChunkSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('output'), channel: z.enum(['stdout', 'stderr']), bytes: bytesSchema }),
  /** Last. Nothing of the command is alive, and all of its output was sent. */
  z.object({
    kind: z.literal('exit'),
    /** Of the command, 128 + N after signal N; null where nobody could learn it. */
    exitCode: z.number().int().nullable(),
    timedOut: z.boolean(),
  }),
]);
export type CommandChunk = z.infer<typeof commandChunkSchema>;

export const commandStreams = {
  /**
   * Runs one command where the settings say. It lives as long as the stream: who closes it, or goes away, ends the
   * command and all it started. Not to be opened again after a lost connection: that would run it twice.
   */
  'commands.run': stream({
    input: commandRequestSchema,
    chunk: commandChunkSchema,
    policy: 'lossless',
    windowBytes: 1024 * 1024,
  }),
};

const idInput = z.object({ id: idSchema });

export const commandMethods = {
  /**
   * Further bytes of the standard input, then its end where `end` is set. Resolves when they were taken, so that
   * awaiting it is the back-pressure; `not_found` when the command has ended, `conflict` when it reads no more.
   */
  'commands.write': method({
    input: idInput.extend({
      data: bytesSchema.refine((data) => data.byteLength <= maxCommandInputBytes, 'Input is too large'),
      end: z.boolean(),
    }),
    output: nothingSchema,
    errors: ['not_found', 'conflict'],
    timeoutMs: null,
  }),
  'commands.resize': method({
    input: idInput.extend({ size: commandSizeSchema }),
    output: nothingSchema,
    errors: ['not_found'],
  }),
  /** Ends a command and all it started; its stream then ends with how it ended. */
  'commands.end': method({ input: idInput, output: nothingSchema, errors: ['not_found'] }),
};
