import { z } from 'zod';
import { errorDataSchema } from '../contract';

const id = z.number().int().nonnegative();

/** What a page may send. Parsed on arrival: the page is not trusted. */
export const clientFrameSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('call'), id, method: z.string().max(64), input: z.unknown() }),
  z.object({ type: z.literal('cancel'), id }),
  z.object({
    type: z.literal('open'),
    id,
    stream: z.string().max(64),
    input: z.unknown(),
    windowBytes: z.number().int().positive(),
  }),
  /** The consumer has dealt with so many bytes of stream `id`. */
  z.object({ type: z.literal('credit'), id, bytes: z.number().int().positive() }),
  z.object({ type: z.literal('close'), id }),
]);
export type ClientFrame = z.infer<typeof clientFrameSchema>;

export const hostFrameSchema = z.discriminatedUnion('type', [
  /** First frame on every connection. */
  z.object({ type: z.literal('welcome'), protocolVersion: z.number().int(), connectionId: z.string() }),
  z.object({ type: z.literal('result'), id, value: z.unknown() }),
  z.object({ type: z.literal('failure'), id, error: errorDataSchema }),
  /** `sizeBytes` is what the chunk costs of the window, to be given back as credit. */
  z.object({ type: z.literal('chunk'), id, chunk: z.unknown(), sizeBytes: z.number().int().nonnegative() }),
  z.object({ type: z.literal('end'), id }),
  z.object({ type: z.literal('event'), name: z.string(), payload: z.unknown() }),
]);
export type HostFrame = z.infer<typeof hostFrameSchema>;
export type Frame = ClientFrame | HostFrame;
