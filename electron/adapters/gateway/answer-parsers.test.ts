import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerEvent, AnswerParser } from './answer-parser';
import { createLlamaCppAnswerParser } from './llama-cpp-answer';
import { createOllamaAnswerParser } from './ollama-answer';
import { createPullParser } from './ollama-pull';
import { createSseDecoder } from './sse-decoder';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Cuts bytes at the given places, in any order and with repeats. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (bytes.byteLength + 1)), bytes.byteLength].sort(
    (a, b) => a - b,
  );
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

/** Adjacent texts of one kind count as one, because where a token ends is not told apart here. */
function readAll(parser: AnswerParser, pieces: readonly Uint8Array[]): unknown[] {
  const events: AnswerEvent[] = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()];
  return events.map((event) => (event.kind === 'error' ? { kind: 'error', data: event.error.data } : event));
}

const delta = (fields: Record<string, unknown>, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: fields, finish_reason: finish }] })}\n\n`;

const llamaAnswer = [
  ': ping\n\n',
  delta({ role: 'assistant', content: null }),
  delta({ reasoning_content: 'Grüße 🤔' }),
  ':\r\n',
  delta({ content: 'Zürich 東京 👩‍👩‍👧' }),
  delta({ content: ' end' }),
  delta({}, 'stop'),
  `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 12, completion_tokens: 7 }, timings: { prompt_n: 2, cache_n: 10, predicted_n: 7, predicted_per_second: 41.5 } })}\n\n`,
  'data: [DONE]\n\n',
].join('');

const ollamaAnswer = [
  { message: { role: 'assistant', content: '', thinking: 'Grüße 🤔' }, done: false },
  { message: { role: 'assistant', content: 'Zürich 東京 👩‍👩‍👧' }, done: false },
  { message: { role: 'assistant', content: ' end' }, done: false },
  {
    message: { role: 'assistant', content: '' },
    done: true,
    done_reason: 'length',
    prompt_eval_count: 12,
    eval_count: 8,
    eval_duration: 2_000_000_000,
  },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('');

describe('the answer parsers', () => {
  it('reads the same events from llama-server however its bytes are cut', () => {
    const expected = [
      { kind: 'thinking', text: 'Grüße 🤔' },
      { kind: 'content', text: 'Zürich 東京 👩‍👩‍👧' },
      { kind: 'content', text: ' end' },
      {
        kind: 'finish',
        reason: 'stop',
        metrics: { promptTokens: 12, answerTokens: 7, tokensPerSecond: 41.5 },
      },
    ];
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), (places) => {
        expect(readAll(createLlamaCppAnswerParser('m'), cut(encode(llamaAnswer), places))).toEqual(expected);
      }),
    );
  });

  it('reads the same events from Ollama however its bytes are cut', () => {
    const expected = [
      { kind: 'thinking', text: 'Grüße 🤔' },
      { kind: 'content', text: 'Zürich 東京 👩‍👩‍👧' },
      { kind: 'content', text: ' end' },
      {
        kind: 'finish',
        reason: 'length',
        metrics: { promptTokens: 12, answerTokens: 8, tokensPerSecond: 4 },
      },
    ];
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), (places) => {
        expect(readAll(createOllamaAnswerParser('m'), cut(encode(ollamaAnswer), places))).toEqual(expected);
      }),
    );
  });

  it('reads any texts back from server-sent events, whatever the cuts and the line ends', () => {
    const line = fc.string({ unit: 'binary' }).map((text) => text.replace(/[\r\n]/g, ' '));
    fc.assert(
      fc.property(
        fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        (events, places, lineEnd) => {
          const wire = events
            .map((lines) => [...lines.map((text) => `data: ${text}`), ':ping', '', ''].join(lineEnd))
            .join('');
          const decoder = createSseDecoder();
          const bytes = encode(wire);
          // Lone surrogates do not survive UTF-8, so the expectation goes the same way.
          const expected = events.map((lines) => ({
            name: 'message',
            data: new TextDecoder().decode(encode(lines.join('\n'))),
          }));
          expect([...cut(bytes, places).flatMap((piece) => decoder.push(piece)), ...decoder.end()]).toEqual(
            expected,
          );
        },
      ),
    );
  });

  it('never throws and ends with exactly one end, whatever bytes come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }),
        fc.boolean(),
        (pieces, ollama) => {
          const parser = ollama ? createOllamaAnswerParser('m') : createLlamaCppAnswerParser('m');
          const events = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()];
          expect(events.filter((event) => event.kind === 'finish' || event.kind === 'error')).toHaveLength(1);
        },
      ),
    );
  });

  it('takes an error after status 200 for the end, in every form that the runtimes write it', () => {
    const context = {
      error: {
        code: 400,
        message: 'too long',
        type: 'exceed_context_size_error',
        n_prompt_tokens: 900,
        n_ctx: 512,
      },
    };
    const forms: [string, AnswerParser, string][] = [
      [
        'llama-server now',
        createLlamaCppAnswerParser('m'),
        `${delta({ content: 'a' })}data: ${JSON.stringify(context)}\n\ndata: [DONE]\n\n`,
      ],
      [
        'llama-server 2025',
        createLlamaCppAnswerParser('m'),
        `${delta({ content: 'a' })}error: ${JSON.stringify(context.error)}\n\n`,
      ],
      [
        'Ollama',
        createOllamaAnswerParser('m'),
        `{"message":{"content":"a"}}\n{"error":"an error was encountered while running the model: CUDA error"}\n`,
      ],
      [
        'Ollama out of memory',
        createOllamaAnswerParser('m'),
        `{"error":"model requires more system memory (9 GiB) than is available (2 GiB)"}`,
      ],
      [
        'gateway in server-sent events',
        createLlamaCppAnswerParser('m'),
        `data: {"error":{"message":"llama-server broke off","type":"upstream_failed","code":502}}\n\n`,
      ],
      [
        'gateway in lines',
        createOllamaAnswerParser('m'),
        `{"error":"Ollama broke off its answer","code":"upstream_failed","details":{},"retryable":true}\n`,
      ],
    ];
    const codes = forms.map(([name, parser, wire]) => {
      const last = readAll(parser, [encode(wire)]).at(-1);
      return [name, last];
    });
    expect(codes).toMatchObject([
      [
        'llama-server now',
        { kind: 'error', data: { code: 'context_overflow', details: { n_prompt_tokens: 900, n_ctx: 512 } } },
      ],
      ['llama-server 2025', { kind: 'error', data: { code: 'generation_failed' } }],
      ['Ollama', { kind: 'error', data: { code: 'generation_failed' } }],
      ['Ollama out of memory', { kind: 'error', data: { code: 'out_of_memory' } }],
      [
        'gateway in server-sent events',
        { kind: 'error', data: { code: 'model_server_unavailable', retryable: true } },
      ],
      ['gateway in lines', { kind: 'error', data: { code: 'model_server_unavailable', retryable: true } }],
    ]);
  });

  it('finishes without the end marker when the finish reason was there, and says that it broke off when not', () => {
    const whole = `${delta({ content: 'a' })}${delta({}, 'stop')}`;
    expect(readAll(createLlamaCppAnswerParser('m'), [encode(whole)]).at(-1)).toMatchObject({
      kind: 'finish',
      reason: 'stop',
    });
    expect(readAll(createLlamaCppAnswerParser('m'), [encode(delta({ content: 'a' }))]).at(-1)).toMatchObject({
      kind: 'error',
      data: { code: 'generation_failed', retryable: true },
    });
    expect(
      readAll(createOllamaAnswerParser('m'), [encode('{"message":{"content":"a"}}\n')]).at(-1),
    ).toMatchObject({
      kind: 'error',
      data: { code: 'generation_failed', retryable: true },
    });
  });
});

describe('the pull parser', () => {
  it('reads progress without a count and ends with success', () => {
    const parser = createPullParser('m');
    const wire =
      '{"status":"pulling manifest"}\n{"status":"pulling abc","digest":"sha256:abc","total":100}\n{"status":"pulling abc","digest":"sha256:abc","total":100,"completed":60}\n{"status":"success"}';
    expect([...parser.push(encode(wire)), ...parser.end()]).toEqual([
      { phase: 'pulling manifest', layer: null, completedBytes: null, totalBytes: null },
      { phase: 'pulling abc', layer: 'sha256:abc', completedBytes: 0, totalBytes: 100 },
      { phase: 'pulling abc', layer: 'sha256:abc', completedBytes: 60, totalBytes: 100 },
      { phase: 'success', layer: null, completedBytes: null, totalBytes: null },
    ]);
  });

  it.each([
    ['{"error":"pull model manifest: file does not exist"}', 'model_not_found'],
    ['{"error":"dial tcp: lookup registry.example on 127.0.0.11:53: no such host"}', 'registry_unreachable'],
    [
      '{"error":"tls: failed to verify certificate: x509: certificate signed by unknown authority"}',
      'registry_unreachable',
    ],
    ['{"error":"write /models/ollama/blobs/x: no space left on device"}', 'disk_full'],
    ['{"status":"pulling manifest"}\n', 'model_server_unavailable'],
  ])('tells %s as %s', (wire, code) => {
    const parser = createPullParser('m');
    const read = () => [...parser.push(encode(wire)), ...parser.end()];
    expect(read).toThrow(expect.objectContaining({ code }));
  });
});
