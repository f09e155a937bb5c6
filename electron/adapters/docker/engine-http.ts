import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type DockerModem from 'docker-modem';
import type Docker from 'dockerode';
import type { z } from 'zod';
import { LmError } from '../../contract';
import { createDeadline } from './deadline';
import { mapEngineFailure, notResponding, type FailureContext } from './error-table';

export interface EngineRequest extends FailureContext {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  /** Without version and query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly file?: Readable;
  /** Status codes that are no failure. */
  readonly expect: readonly number[];
  /** Null: as long as it takes. */
  readonly timeoutMs: number | null;
  readonly signal?: AbortSignal;
}

/**
 * One call through dockerode's own transport. Its methods per object are not used, because they differ in what
 * they call an error (304 "already started") and cannot all be aborted.
 */
async function dial(docker: Docker, request: EngineRequest, isStream: boolean): Promise<unknown> {
  const modem: DockerModem = docker.modem;
  const deadline = createDeadline(request.timeoutMs, request.signal);
  const statusCodes: Record<number, boolean> = {};
  for (const code of request.expect) statusCodes[code] = true;
  try {
    return await new Promise<unknown>((resolve, reject) => {
      modem.dial(
        {
          path: request.query ? `${request.path}?` : request.path,
          method: request.method,
          // An empty object as body sends none; leaving it out would send the query as the body.
          options: { _query: request.query ?? {}, _body: request.body ?? {} },
          file: request.file,
          statusCodes,
          isStream,
          // A stream outlives the deadline for its first answer, so it listens to its own signal from then on.
          abortSignal: deadline.signal,
        },
        (error, result) => (error ? reject(error) : resolve(result)),
      );
    });
  } catch (error) {
    if (deadline.expired()) throw notResponding('its address', request.timeoutMs ?? 0);
    if (request.signal?.aborted)
      throw new LmError('cancelled', `Stopped: ${request.action}.`, { cause: error });
    throw mapEngineFailure(error, request);
  } finally {
    deadline.release();
  }
}

/** Calls, and parses the JSON answer. Rejects with an LmError. */
export async function requestJson<S extends z.ZodType>(
  docker: Docker,
  request: EngineRequest,
  schema: S,
): Promise<z.infer<S>> {
  const parsed = schema.safeParse(await dial(docker, request, false));
  if (parsed.success) return parsed.data;
  throw new LmError('engine_failed', `The engine's answer is not understood (${request.action}).`, {
    details: {
      reason: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
    },
  });
}

/** Calls, and drops the answer. */
export async function requestNothing(docker: Docker, request: EngineRequest): Promise<void> {
  await dial(docker, request, false);
}

/**
 * Calls, and gives the answer as it comes. `timeoutMs` limits the wait for its beginning; `signal` ends it at
 * any time.
 */
export async function requestStream(docker: Docker, request: EngineRequest): Promise<IncomingMessage> {
  const response = await dial(docker, request, true);
  if (!(response instanceof IncomingMessage)) {
    throw new LmError('engine_failed', `The engine's answer is no stream (${request.action}).`);
  }
  const stop = () => response.destroy();
  if (request.signal?.aborted) stop();
  request.signal?.addEventListener('abort', stop, { once: true });
  response.once('close', () => request.signal?.removeEventListener('abort', stop));
  return response;
}

/** The lines of a stream of JSON texts, decoded as UTF-8 over chunk borders. */
export async function* readLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    let end = rest.indexOf('\n');
    while (end >= 0) {
      const line = rest.slice(0, end).trim();
      if (line !== '') yield line;
      rest = rest.slice(end + 1);
      end = rest.indexOf('\n');
    }
  }
  if (rest.trim() !== '') yield rest.trim();
}
