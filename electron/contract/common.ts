import { z } from 'zod';

export const nothingSchema = z.null();
export const revisionSchema = z.number().int().nonnegative();
export const timeMsSchema = z.number().nonnegative();
export const byteCountSchema = z.number().int().nonnegative();
export const bytesSchema = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'Expected bytes');
export const idSchema = z.string().min(1).max(128);
