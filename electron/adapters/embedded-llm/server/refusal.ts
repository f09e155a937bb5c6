import { LmError, toLmError, type ErrorCode } from '../../../contract';

/** An error in llama-server's shape, with its HTTP status. */
export interface Refusal {
  readonly status: number;
  readonly body: { readonly error: Record<string, unknown> };
}

const kinds: Partial<Record<ErrorCode, readonly [status: number, type: string]>> = {
  invalid_input: [400, 'invalid_request_error'],
  context_overflow: [400, 'exceed_context_size_error'],
  not_found: [404, 'not_found_error'],
  model_not_found: [404, 'not_found_error'],
  too_large: [413, 'invalid_request_error'],
  unsupported: [501, 'not_supported_error'],
  cancelled: [503, 'unavailable_error'],
  conflict: [503, 'unavailable_error'],
  out_of_memory: [503, 'unavailable_error'],
  model_server_unavailable: [503, 'unavailable_error'],
};

export function refusalOf(error: unknown): Refusal {
  const { code, message, details, repair } = toLmError(error).data;
  const [status, type] = kinds[code] ?? [500, 'server_error'];
  const sizes =
    code === 'context_overflow'
      ? { n_prompt_tokens: details['n_prompt_tokens'], n_ctx: details['n_ctx'] }
      : {};
  const text =
    error instanceof LmError && repair && code !== 'context_overflow' ? `${message} ${repair.text}` : message;
  return { status, body: { error: { code: status, message: text, type, ...sizes } } };
}
