import { describe, expect, it } from 'vitest';
import { mapRuntimeError, readErrorBody } from './errors';

describe('errors of the runtimes', () => {
  it.each([
    ['ollama', 404, '{"error":"model \'x\' not found"}', 'model_not_found'],
    [
      'ollama',
      503,
      '{"error":"server busy, please try again.  maximum pending requests exceeded"}',
      'model_server_unavailable',
    ],
    ['ollama', 500, '{"error":"llama-server process has terminated: signal: killed"}', 'model_load_failed'],
    [
      'ollama',
      500,
      '{"error":"timed out waiting for llama-server to start - progress 0.00"}',
      'model_load_failed',
    ],
    [
      'ollama',
      400,
      '{"error":"the prompt is longer than the context length currently available to the model; shorten the prompt"}',
      'context_overflow',
    ],
    ['ollama', 400, '{"error":"\\"x\\" does not support thinking"}', 'generation_failed'],
    ['ollama', 400, '{"error":"registry.ollama.ai/library/gemma:2b does not support tools"}', 'unsupported'],
    [
      'llama-cpp',
      500,
      '{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}',
      'unsupported',
    ],
    ['ollama', 499, '{"error":"request canceled"}', 'cancelled'],
    [
      'llama-cpp',
      400,
      '{"error":{"code":400,"message":"the request exceeds","type":"exceed_context_size_error","n_prompt_tokens":10,"n_ctx":5}}',
      'context_overflow',
    ],
    [
      'llama-cpp',
      503,
      '{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}',
      'model_server_unavailable',
    ],
    [
      'llama-cpp',
      404,
      '{"error":{"code":404,"message":"model not found","type":"not_found_error"}}',
      'model_not_found',
    ],
    [
      'llama-cpp',
      500,
      '{"error":{"code":500,"message":"model name=bad failed to load","type":"server_error"}}',
      'model_load_failed',
    ],
    ['llama-cpp', 401, '{"error":"a token is needed","code":"unauthorized"}', 'gateway_unauthorized'],
    [
      'llama-cpp',
      503,
      '{"error":"llama-server does not answer (it is backing-off)","code":"runtime_unavailable"}',
      'model_server_unavailable',
    ],
    ['llama-cpp', 502, '<html>Bad gateway</html>', 'model_server_unavailable'],
    ['ollama', 500, '', 'generation_failed'],
  ] as const)('of %s with %i %s are %s, with a plain sentence', (runtime, status, body, code) => {
    const error = mapRuntimeError(runtime, 'x', readErrorBody(status, body));
    expect({ code: error.code, sentence: /^([A-Z]|llama-server ).+[^:\s]$/s.test(error.message) }).toEqual({
      code,
      sentence: true,
    });
  });
});
