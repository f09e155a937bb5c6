import { z } from 'zod';

export const nothingSchema = z.null();
export const revisionSchema = z.number().int().nonnegative();
export const timeMsSchema = z.number().nonnegative();
export const byteCountSchema = z.number().int().nonnegative();
export const bytesSchema = z.instanceof(Uint8Array);
export const idSchema = z.string().min(1).max(128);
