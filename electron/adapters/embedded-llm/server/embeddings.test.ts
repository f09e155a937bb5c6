import { describe, expect, it } from 'vitest';
import { embeddingAnswer, readEmbedding } from './embeddings';

describe('a question for embeddings', () => {
  it.each<[unknown, readonly (string | number[])[]]>([
    ['one', ['one']],
    [
      ['one', 'two'],
      ['one', 'two'],
    ],
    [[1, 2], [[1, 2]]],
    [
      [[1, 2], [3]],
      [[1, 2], [3]],
    ],
  ])('with the input %j asks for %j', (input, inputs) => {
    expect(readEmbedding({ model: 'm', input })).toEqual({ model: 'm', inputs, packed: false });
  });

  it.each<[string, object, string]>([
    ['no input', {}, 'invalid_input'],
    ['no text in the list', { input: [] }, 'invalid_input'],
    ['texts mixed with numbers', { input: ['a', 1] }, 'invalid_input'],
    ['another format', { input: 'a', encoding_format: 'hex' }, 'invalid_input'],
    ['shorter vectors', { input: 'a', dimensions: 64 }, 'unsupported'],
  ])('with %s is refused', (_name, fields, code) => {
    expect(() => readEmbedding({ model: 'm', ...fields })).toThrow(expect.objectContaining({ code }));
  });
});

describe('an answer with embeddings', () => {
  const embeddings = {
    vectors: [
      [0.5, -0.25],
      [1, 0],
    ],
    promptTokens: 7,
  };

  it('has the vectors in their order and the tokens used', () => {
    const question = readEmbedding({ model: 'm', input: ['a', 'b'] });
    expect(embeddingAnswer(question, embeddings)).toEqual({
      model: 'm',
      object: 'list',
      usage: { prompt_tokens: 7, total_tokens: 7 },
      data: [
        { embedding: [0.5, -0.25], index: 0, object: 'embedding' },
        { embedding: [1, 0], index: 1, object: 'embedding' },
      ],
    });
  });

  it('has them packed where that is asked for', () => {
    const question = readEmbedding({ model: 'm', input: ['a', 'b'], encoding_format: 'base64' });
    // 0.5 and -0.25 as 32-bit floats, the lowest byte first.
    const first = Buffer.from([0, 0, 0, 0x3f, 0, 0, 0x80, 0xbe]).toString('base64');
    expect(embeddingAnswer(question, embeddings)).toMatchObject({
      data: [{ embedding: first, index: 0 }, { index: 1 }],
    });
  });
});
