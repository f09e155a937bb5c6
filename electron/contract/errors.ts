import { z } from 'zod';

/**
 * The closed set of expected failures. A service maps every foreign error onto one of these; anything it
 * did not expect becomes `internal` and is logged with its stack in the host.
 */
export const errorCodes = [
  // The call itself
  'invalid_input',
  'not_found',
  'conflict',
  'cancelled',
  'timeout',
  'unsupported',
  'too_large',
  'too_many',
  'disconnected',
  'internal',
  // Container engine
  'engine_not_installed',
  'engine_not_running',
  'engine_permission_denied',
  'engine_not_responding',
  'engine_too_old',
  'engine_connection_lost',
  'engine_failed',
  // Embedded sandbox
  'sandbox_not_running',
  'isolation_missing',
  'isolation_refused',
  // Image and container
  'image_missing',
  'image_build_failed',
  'build_certificate_untrusted',
  'build_network_failed',
  'container_missing',
  'container_not_running',
  'container_failed',
  'name_in_use',
  'port_in_use',
  'disk_full',
  'out_of_memory',
  // GPU
  'gpu_toolkit_missing',
  'gpu_device_unknown',
  'gpu_driver_mismatch',
  'gpu_driver_too_old',
  'gpu_driver_missing',
  'gpu_access_lost',
  'gpu_permission_denied',
  'gpu_not_requested',
  'gpu_unavailable',
  // Models and answers
  'gateway_unreachable',
  'gateway_unauthorized',
  'model_server_unavailable',
  'model_not_found',
  'model_invalid',
  'model_load_failed',
  'registry_unreachable',
  'context_overflow',
  'generation_failed',
  // Host storage
  'storage_corrupt',
  'storage_failed',
] as const;

export const errorCodeSchema = z.enum(errorCodes);
export type ErrorCode = z.infer<typeof errorCodeSchema>;

/** What a person can do about an error: one sentence, and the exact command where there is one. */
export const repairSchema = z.object({
  text: z.string().min(1),
  command: z.string().nullable(),
});
export type Repair = z.infer<typeof repairSchema>;

/** An error as it crosses the wire and as it is shown. `message` is a plain sentence for a person. */
export const errorDataSchema = z.object({
  code: errorCodeSchema,
  message: z.string().min(1),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  repair: repairSchema.nullable(),
  retryable: z.boolean(),
});
export type ErrorData = z.infer<typeof errorDataSchema>;

export interface ErrorOptions {
  readonly details?: ErrorData['details'];
  readonly repair?: { readonly text: string; readonly command?: string } | null;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** An expected failure. Thrown by services and adapters; its `data` is what the page receives. */
export class LmError extends Error {
  readonly data: ErrorData;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'LmError';
    this.data = {
      code,
      message,
      details: options.details ?? {},
      repair: options.repair ? { text: options.repair.text, command: options.repair.command ?? null } : null,
      retryable: options.retryable ?? false,
    };
  }

  get code(): ErrorCode {
    return this.data.code;
  }

  static fromData(data: ErrorData): LmError {
    return new LmError(data.code, data.message, {
      details: data.details,
      repair: data.repair ? { text: data.repair.text, command: data.repair.command ?? undefined } : null,
      retryable: data.retryable,
    });
  }
}

/** Any thrown value as an LmError: an LmError is itself; everything else is `internal` with its text. */
export function toLmError(error: unknown): LmError {
  if (error instanceof LmError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new LmError('internal', text || 'Unknown failure', { cause: error });
}
