import { describe, expect, it } from 'vitest';
import { differences, readAnswers, readBlocks } from './readme-blocks';

describe('the blocks of a Markdown file', () => {
  it('are told with their kind and their line', () => {
    const text = 'a\n```bash run\nls\n```\n\n```sh\ncd\n```\n';
    expect(readBlocks(text)).toEqual([
      { kind: 'bash', info: 'bash run', text: 'ls', line: 2 },
      { kind: undefined, info: 'sh', text: 'cd', line: 6 },
    ]);
    expect(() => readBlocks('```bash run\nls')).toThrow('line 1');
  });

  it('differ from an answer that has other fields or kinds of values', () => {
    const shown = { a: 1, b: { c: 'x' }, d: [{ e: 1 }], f: null };
    expect(differences(shown, { a: 2, b: { c: '' }, d: [{ e: 0 }, 1], f: 7 })).toEqual([]);
    expect(differences(shown, { a: '1', b: { c: 'x', g: 1 }, d: [{}] })).toEqual([
      'the answer.a: number is shown, string came',
      'the answer.b.g came and is not shown',
      'the answer.d[0].e is shown and did not come',
      'the answer.f is shown and did not come',
    ]);
  });

  it('are read as one value, or as one on each line', () => {
    expect(readAnswers('{\n "a": 1 }\n')).toEqual([{ a: 1 }]);
    expect(readAnswers('{"a":1}\n{"a":2}\n')).toEqual([{ a: 1 }, { a: 2 }]);
  });
});
