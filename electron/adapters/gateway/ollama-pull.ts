import { z } from 'zod';
import { LmError } from '../../contract';
import type { PullProgress } from '../../services/models/ports';
import { mapRuntimeError, readErrorBody, readErrorValue, type ForeignError } from './errors';
import { createLineDecoder } from './line-decoder';

/** One line of Ollama's /api/pull stream. */
const lineSchema = z.object({
  status: z.string().nullish(),
  digest: z.string().nullish(),
  total: z.number().int().nonnegative().nullish(),
  completed: z.number().int().nonnegative().nullish(),
});

export interface PullParser {
  /** Throws the LmError of an error line, which comes under status 200. */
  push(bytes: Uint8Array): PullProgress[];
  /** Throws when the stream ended before `success`. */
  end(): PullProgress[];
  /** The error of an answer that did not begin with status 200. */
  refusal(status: number, body: string): LmError;
}

export function createPullParser(name: string): PullParser {
  const decoder = createLineDecoder();
  let succeeded = false;

  const take = (text: string): PullProgress[] => {
    if (text.trim() === '') return [];
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw unreadable(name, text);
    }
    const foreign = readErrorValue(null, json);
    if (foreign) throw mapPullError(name, foreign);
    const parsed = lineSchema.safeParse(json);
    if (!parsed.success) throw unreadable(name, text);
    const line = parsed.data;
    if (line.status === 'success') succeeded = true;
    return [
      {
        phase: line.status ?? '',
        layer: line.digest ?? null,
        completedBytes: line.digest ? (line.completed ?? 0) : null,
        totalBytes: line.digest ? (line.total ?? null) : null,
      },
    ];
  };

  return {
    push: (bytes) => decoder.push(bytes).flatMap(take),
    end: () => {
      const progress = decoder.end().flatMap(take);
      if (succeeded) return progress;
      throw new LmError('model_server_unavailable', `Ollama ended the pull of ${name} before it was done.`, {
        repair: { text: 'Try again; what was fetched is kept, and the pull goes on from there.' },
        retryable: true,
      });
    },
    refusal: (status, body) => mapPullError(name, readErrorBody(status, body)),
  };
}

/** A registry that cannot be reached or that refuses is told apart from Ollama's own failures. */
function mapPullError(name: string, error: ForeignError): LmError {
  if (/file does not exist|manifest unknown|pull model manifest: .*(404|not found)/i.test(error.text)) {
    return new LmError('model_not_found', `The registry does not have ${name}.`, {
      details: { text: error.text },
      repair: { text: 'Check the spelling and the tag; ollama.com/library lists what there is.' },
    });
  }
  if (/insecure protocol|server gave HTTP response to HTTPS client|tls:|x509|certificate/i.test(error.text)) {
    return registryUnreachable(
      name,
      error.text,
      'If this registry speaks plain HTTP, allow that for the pull; behind an inspecting proxy, build the image with its certificate (see the README).',
    );
  }
  if (
    /dial tcp|lookup .*(no such host|server misbehaving|i\/o timeout)|connection refused|connection reset|network is unreachable|i\/o timeout|max retries exceeded|unexpected EOF|TLS handshake timeout|no Location header|pull model manifest/i.test(
      error.text,
    )
  ) {
    return registryUnreachable(
      name,
      error.text,
      'Check the network of the sandbox, then try again; what was fetched is kept.',
    );
  }
  return mapRuntimeError('ollama', name, error);
}

function registryUnreachable(name: string, text: string, repair: string): LmError {
  return new LmError(
    'registry_unreachable',
    `The registry of ${name} cannot be reached from the sandbox: ${text}`,
    {
      repair: { text: repair },
      retryable: true,
    },
  );
}

function unreadable(name: string, text: string): LmError {
  return new LmError('model_server_unavailable', `Ollama sent a line about ${name} that is not readable.`, {
    details: { line: text.slice(0, 200) },
    retryable: true,
  });
}
