import { describe, expect, it } from 'vitest';
import { LmError } from '../../contract';
import { toStreamFailure } from './stream-failure';

const failure = (fields: object, message = 'It failed') => Object.assign(new Error(message), fields);

describe('toStreamFailure', () => {
  it.each([
    ['a container that was removed', failure({ statusCode: 404 }), 'container_missing', false],
    ['a container that has stopped', failure({ statusCode: 409 }), 'container_not_running', true],
    ['a refused connection', failure({ code: 'ECONNREFUSED' }), 'engine_connection_lost', true],
    ['a connection that was cut', failure({}, 'aborted'), 'engine_connection_lost', true],
    ['an answer that is none', failure({}, 'Unexpected token < in JSON'), 'engine_failed', true],
  ])('names %s', (_name, error, code, retryable) => {
    expect(toStreamFailure(error, "the container's log").data).toMatchObject({ code, retryable });
  });

  it('leaves an expected failure as it is', () => {
    const error = new LmError('engine_not_running', 'The engine is not running.');
    expect(toStreamFailure(error, "the container's log")).toBe(error);
  });

  it('says what was read', () => {
    expect(toStreamFailure(failure({ statusCode: 404 }), "the container's log").message).toBe(
      "Cannot read the container's log: the container no longer exists.",
    );
  });
});
