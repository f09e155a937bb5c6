import { LmError } from '../../contract';
import { mapEngineFailure } from './error-table';

const connectionErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
]);

/**
 * What ended a stats, log or exec stream of the engine, in the contract's terms. `topic` is what was read, such
 * as `the container's log`.
 */
export function toStreamFailure(error: unknown, topic: string): LmError {
  if (error instanceof LmError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const status = field(error, 'statusCode');
  if (status === 404) {
    return new LmError('container_missing', `Cannot read ${topic}: the container no longer exists.`, {
      details: { reason: text },
      cause: error,
    });
  }
  if (status === 409) {
    return new LmError('container_not_running', `Cannot read ${topic}: the container is not running.`, {
      details: { reason: text },
      retryable: true,
      cause: error,
    });
  }
  if (typeof status === 'number') return mapEngineFailure(error, { action: `give ${topic}` });
  if (connectionErrors.has(String(field(error, 'code'))) || /aborted|hang up/.test(text)) {
    return connectionLost(topic, error);
  }
  return new LmError('engine_failed', `Cannot read ${topic}: ${text}`, { retryable: true, cause: error });
}

/** The engine's end of a stream went away without ending it. */
export function connectionLost(topic: string, cause?: unknown): LmError {
  return new LmError('engine_connection_lost', `The connection to the container engine broke (${topic}).`, {
    retryable: true,
    cause,
  });
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
