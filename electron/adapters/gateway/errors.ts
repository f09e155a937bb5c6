import { z } from 'zod';
import { LmError, type Runtime } from '../../contract';

const runtimeNames: Record<Runtime, string> = {
  ollama: 'Ollama',
  'llama-cpp': 'llama-server',
  embedded: 'the embedded llama.cpp',
};

/**
 * The bodies errors come in: Ollama `{error: "text"}`, llama-server `{error: {message, type, …}}`, the gateway
 * `{error: "text", code: "…"}` or, inside a stream of server-sent events, `{error: {message, type: "…"}}`.
 */
const errorBodySchema = z.object({
  error: z
    .union([
      z.string(),
      z.object({
        message: z.string().optional(),
        type: z.string().optional(),
        code: z.union([z.string(), z.number()]).nullish(),
        n_prompt_tokens: z.number().optional(),
        n_ctx: z.number().optional(),
      }),
    ])
    .optional(),
  code: z.unknown().optional(),
});

export interface ForeignError {
  /** HTTP status, or null for an error inside a stream that had begun with 200. */
  readonly status: number | null;
  readonly text: string;
  /** llama-server's error type or the gateway's error code; empty when there is none. */
  readonly type: string;
  readonly promptTokens: number | null;
  readonly contextSize: number | null;
}

/** Reads an error body of any of the servers; what is not JSON is taken as text. */
export function readErrorBody(status: number | null, body: string): ForeignError {
  const plain: ForeignError = {
    status,
    text: body.trim().slice(0, 2_000),
    type: '',
    promptTokens: null,
    contextSize: null,
  };
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return plain;
  }
  return readErrorValue(status, json) ?? plain;
}

/** The same for a parsed value; null when the value is no error at all. */
export function readErrorValue(status: number | null, value: unknown): ForeignError | null {
  const parsed = errorBodySchema.safeParse(value);
  if (!parsed.success) return null;
  const { error, code } = parsed.data;
  if (error === undefined) return null;
  if (typeof error === 'string') {
    return {
      status,
      text: error,
      type: typeof code === 'string' ? code : '',
      promptTokens: null,
      contextSize: null,
    };
  }
  return {
    status,
    text: error.message ?? 'no message',
    type: error.type ?? (typeof error.code === 'string' ? error.code : ''),
    promptTokens: error.n_prompt_tokens ?? null,
    contextSize: error.n_ctx ?? null,
  };
}

interface Rule {
  readonly matches: (error: ForeignError) => boolean;
  readonly make: (error: ForeignError, server: string, model: string) => LmError;
}

const says =
  (pattern: RegExp) =>
  (error: ForeignError): boolean =>
    pattern.test(error.text);

/** First match wins. Texts are those of Ollama 0.34 and llama.cpp of 2026; statuses hold where texts change. */
const rules: readonly Rule[] = [
  {
    matches: (error) => error.type === 'runtime_unavailable' || error.type === 'upstream_failed',
    make: (error, server) => serverUnavailable(server, error.text),
  },
  {
    matches: (error) =>
      error.type === 'exceed_context_size_error' ||
      /longer than the context|exceeds? the (available )?context|context (size|length).*exceed/i.test(
        error.text,
      ),
    make: (error, _server, model) => contextOverflow(model, error.promptTokens, error.contextSize),
  },
  {
    matches: says(/does not support tools|tools? param requires|template does not support tool/i),
    make: (error, _server, model) => toolsUnsupported(model, error.text),
  },
  {
    matches: says(/no space left on device|disk quota exceeded/i),
    make: (error) =>
      new LmError('disk_full', 'The disk that holds the models is full.', {
        details: { text: error.text },
        repair: {
          text: 'Remove models you no longer need, or free space on the disk of the container engine.',
        },
        retryable: true,
      }),
  },
  {
    matches: says(
      /requires more system memory|out of memory|cudaMalloc failed|failed to allocate|unable to allocate/i,
    ),
    make: (error, server, model) =>
      new LmError('out_of_memory', `There is not enough memory to run ${model}.`, {
        details: { text: error.text, server },
        repair: {
          text: 'Unload other models, choose a smaller one, or raise the memory limit in the settings and recreate the sandbox.',
        },
        retryable: true,
      }),
  },
  {
    matches: says(/request canceled|context canceled/i),
    make: (error, server) =>
      new LmError('cancelled', `${server} cancelled the request.`, {
        details: { text: error.text },
        retryable: true,
      }),
  },
  {
    matches: (error) =>
      /llama-server process (has terminated|no longer running)|timed out waiting for llama|error loading model|failed to load|unable to load model|invalid (gguf|magic)|unsupported model|unknown model architecture|model .*(exited|failed)|instance name=.* (exited|failed)/i.test(
        error.text,
      ),
    make: (error, server, model) => loadFailed(server, model, error.text),
  },
  {
    matches: says(/server busy|maximum pending requests|queue is full/i),
    make: (error, server) =>
      new LmError('model_server_unavailable', `${server} has too many requests waiting.`, {
        details: { text: error.text },
        repair: { text: 'Wait until other answers have ended, then try again.' },
        retryable: true,
      }),
  },
  {
    matches: (error) =>
      error.status === 404 || error.type === 'not_found_error' || /model .*not found/i.test(error.text),
    make: (error, server, model) => modelNotFound(server, model, error.text),
  },
  {
    matches: (error) => error.status === 401 || error.status === 403,
    make: (error) => unauthorized(error.text),
  },
  {
    matches: (error) =>
      error.status === 502 ||
      error.status === 503 ||
      error.status === 504 ||
      error.type === 'unavailable_error',
    make: (error, server) => serverUnavailable(server, error.text),
  },
];

/** Translates an error of a runtime, or of the gateway before it, about `model`. */
export function mapRuntimeError(runtime: Runtime, model: string, error: ForeignError): LmError {
  const server = runtimeNames[runtime];
  for (const rule of rules) if (rule.matches(error)) return rule.make(error, server, model);
  return new LmError('generation_failed', `${server} reported: ${error.text || 'an error without a text'}`, {
    details: { status: error.status, type: error.type },
    retryable: error.status === null || error.status >= 500,
  });
}

export function contextOverflow(
  model: string,
  promptTokens: number | null,
  contextSize: number | null,
): LmError {
  const sizes =
    promptTokens !== null && contextSize !== null
      ? ` It has ${promptTokens} tokens, and the model was loaded for ${contextSize}.`
      : '';
  return new LmError(
    'context_overflow',
    `This conversation no longer fits into the context of ${model}.${sizes}`,
    {
      details: { n_prompt_tokens: promptTokens, n_ctx: contextSize },
      repair: {
        text: 'Begin a new conversation, or shorten the question.',
      },
    },
  );
}

export function toolsUnsupported(model: string, text: string): LmError {
  return new LmError('unsupported', `The model ${model} does not support tools.`, {
    details: { text },
    repair: { text: 'Choose a model that was trained to call tools, such as Qwen3.' },
  });
}

export function loadFailed(server: string, model: string, text: string): LmError {
  return new LmError('model_load_failed', `${server} could not load ${model}: ${text}`, {
    repair: {
      text: 'Look at the container log for the cause; a damaged file has to be removed and fetched again.',
    },
    retryable: true,
  });
}

export function modelNotFound(server: string, model: string, text: string): LmError {
  return new LmError('model_not_found', `${server} does not have the model ${model}.`, {
    details: { text },
    repair: { text: 'Choose another model, or pull or import this one again.' },
  });
}

export function unauthorized(text: string): LmError {
  return new LmError('gateway_unauthorized', 'The gateway in the sandbox refused the access token.', {
    details: { text },
    repair: { text: 'Recreate the sandbox; it then gets a new token.' },
  });
}

export function serverUnavailable(server: string, text: string): LmError {
  return new LmError(
    'model_server_unavailable',
    `${server} in the sandbox is not ready: ${text || 'no answer'}`,
    {
      repair: { text: 'It is restarted by itself; try again in a moment, or look at the container log.' },
      retryable: true,
    },
  );
}

/** Translates a failed connection to the gateway. `during` names what was under way, for the message. */
export function mapConnectionError(error: unknown, during: string): LmError {
  if (error instanceof LmError) return error;
  const code = errorCode(error);
  const text = error instanceof Error ? error.message : String(error);
  return new LmError('gateway_unreachable', `The connection to the sandbox was lost during ${during}.`, {
    details: { cause: code || text },
    repair: { text: 'Check that the sandbox runs, then try again.' },
    retryable: true,
    cause: error,
  });
}

export function cancelled(what: string): LmError {
  return new LmError('cancelled', `${what} was cancelled.`);
}

function errorCode(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  return '';
}

export function serverName(runtime: Runtime): string {
  return runtimeNames[runtime];
}
