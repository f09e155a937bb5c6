import type { z } from 'zod';
import { LmError } from '../../../contract';

/** Reads the body of a request. @throws LmError `invalid_input` with the first thing that is wrong. */
export function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw new LmError(
    'invalid_input',
    `${where === '' ? 'The request' : where}: ${issue?.message ?? 'cannot be read'}`,
  );
}
