import { z } from 'zod';
import { event, method, stream } from './define';
import { shellPlaceSchema } from './embedded';
import { errorDataSchema } from './errors';
import { bytesSchema, idSchema, nothingSchema, revisionSchema, timeMsSchema } from './common';
import { maxTerminalColumns, maxTerminalInputBytes, maxTerminalRows } from './limits';

const sizeShape = {
  columns: z.number().int().min(2).max(maxTerminalColumns),
  rows: z.number().int().min(1).max(maxTerminalRows),
};

export const terminalInfoSchema = z.object({
  id: idSchema,
  place: shellPlaceSchema,
  /** Set by the program through OSC 0/2, without control characters, at most 128 characters; else the shell. */
  title: z.string().max(128),
  status: z.enum(['starting', 'running', 'exited', 'lost']),
  /** Exit code of the shell; null while it runs or when it is not known. */
  exitCode: z.number().int().nullable(),
  /**
   * Why it was lost; `container_not_running`, or `sandbox_not_running` for the embedded one, where it ended because the
   * sandbox was stopped or removed.
   */
  error: errorDataSchema.nullable(),
  ...sizeShape,
  createdAtMs: timeMsSchema,
});
export type TerminalInfo = z.infer<typeof terminalInfoSchema>;

export const terminalListSchema = z.object({
  revision: revisionSchema,
  terminals: z.array(terminalInfoSchema),
});
export type TerminalList = z.infer<typeof terminalListSchema>;

const colorSchema = z.string().regex(/^#[0-9a-f]{6}$/i);
export const terminalColorsSchema = z.object({
  foreground: colorSchema,
  background: colorSchema,
  cursor: colorSchema,
  /** The 16 ANSI colours. */
  palette: z.array(colorSchema).length(16),
});
export type TerminalColors = z.infer<typeof terminalColorsSchema>;

/**
 * Attaching is "snapshot, then live": the first chunk holds the whole state at `sequence`, every later `data`
 * chunk continues it. A snapshot may come again when the page fell behind what it could ever show.
 */
export const terminalChunkSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('snapshot'),
    /** Escape sequences that redraw screen, scrollback, modes and cursor into an empty terminal. */
    screen: z.string(),
    ...sizeShape,
    sequence: z.number().int().nonnegative(),
  }),
  z.object({
    kind: z.literal('data'),
    bytes: bytesSchema,
    /**
     * Count of bytes the program has written up to the end of this chunk. It grows by more than the chunk's length
     * where lines were left out that had already left the scrollback (services/terminal/flood-backlog.ts).
     */
    sequence: z.number().int().nonnegative(),
  }),
  z.object({ kind: z.literal('resized'), ...sizeShape }),
  /** The program asks to put text on the clipboard (OSC 52); the page asks the person first. */
  z.object({ kind: z.literal('clipboard'), text: z.string() }),
]);
export type TerminalChunk = z.infer<typeof terminalChunkSchema>;

export const terminalMethods = {
  'terminal.list': method({ input: nothingSchema, output: terminalListSchema }),
  'terminal.open': method({
    input: z.object(sizeShape),
    output: terminalInfoSchema,
    errors: ['container_not_running', 'engine_connection_lost', 'sandbox_not_running', 'too_many'],
    timeoutMs: 30_000,
  }),
  'terminal.write': method({
    input: z.object({
      id: idSchema,
      data: bytesSchema.refine((data) => data.byteLength <= maxTerminalInputBytes, 'Input is too large'),
    }),
    output: nothingSchema,
    errors: ['not_found', 'conflict'],
  }),
  'terminal.resize': method({
    input: z.object({ id: idSchema, ...sizeShape }),
    output: nothingSchema,
    errors: ['not_found'],
  }),
  'terminal.setColors': method({ input: terminalColorsSchema, output: nothingSchema }),
  'terminal.close': method({
    input: z.object({ id: idSchema }),
    output: nothingSchema,
    errors: ['not_found'],
  }),
};

export const terminalStreams = {
  'terminal.attach': stream({
    input: z.object({ id: idSchema }),
    chunk: terminalChunkSchema,
    policy: 'lossless',
    windowBytes: 512 * 1024,
  }),
};

export const terminalEvents = {
  'terminal.changed': event(terminalListSchema),
};
