import { createLineDecoder } from './line-decoder';

export interface ServerSentEvent {
  /** `message` when the stream names none. */
  readonly name: string;
  readonly data: string;
}

export interface SseDecoder {
  push(bytes: Uint8Array): ServerSentEvent[];
  /** The last event, when the stream ended without the empty line that closes it. */
  end(): ServerSentEvent[];
}

/**
 * Server-sent events from bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html). Comments, which
 * llama-server sends as pings, yield nothing. Builds of llama-server of 2025 wrote errors as a field `error:` of
 * its own; such a field comes out as an event named `error`.
 */
export function createSseDecoder(): SseDecoder {
  const lines = createLineDecoder();
  let name = '';
  let data: string[] = [];

  const flush = (): ServerSentEvent[] => {
    const event = data.length > 0 ? [{ name: name === '' ? 'message' : name, data: data.join('\n') }] : [];
    name = '';
    data = [];
    return event;
  };

  const take = (line: string): ServerSentEvent[] => {
    if (line === '') return flush();
    if (line.startsWith(':')) return [];
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? '' : line.slice(colon + 1);
    const value = raw.startsWith(' ') ? raw.slice(1) : raw;
    if (field === 'data') data.push(value);
    else if (field === 'event') name = value;
    else if (field === 'error') return [...flush(), { name: 'error', data: value }];
    return [];
  };

  return {
    push: (bytes) => lines.push(bytes).flatMap(take),
    end: () => [...lines.end().flatMap(take), ...flush()],
  };
}
