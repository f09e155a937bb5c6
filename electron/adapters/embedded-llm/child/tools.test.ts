import { expect, test } from 'vitest';
import type { JsonSchema } from '../../../services/models/ports';
import { OfferedTools, type CallPiece } from './tools';

function offered(parameters: ConstructorParameters<typeof OfferedTools>[0][number]['parameters']) {
  const pieces: CallPiece[] = [];
  const tools = new OfferedTools([{ name: 'tool', description: null, parameters }], (piece) =>
    pieces.push(piece),
  );
  return { tools, pieces };
}

test('Arguments are told as they come, without the empty lines that end them', () => {
  const { tools, pieces } = offered({
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
  });
  for (const piece of ['{"text":', ' ', '"a b"', '}\n', '\n\n\n']) tools.add('tool', piece);
  tools.end('tool', { text: 'a b' });
  tools.add('tool', '{"text": "c"}');
  tools.end('tool', { text: 'c' });
  expect(pieces).toEqual([
    { index: 0, name: 'tool', text: '' },
    { index: 0, name: null, text: '{"text":' },
    { index: 0, name: null, text: ' "a b"' },
    { index: 0, name: null, text: '}' },
    { index: 1, name: 'tool', text: '' },
    { index: 1, name: null, text: '{"text": "c"}' },
  ]);
});

test('Arguments of which some may be left out come at once, without those that were', () => {
  const { tools, pieces } = offered({
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'string' } },
  });
  tools.add('tool', '{"a": "x", "b": null}');
  tools.end('tool', { a: 'x', b: null });
  expect(pieces).toEqual([
    { index: 0, name: 'tool', text: '' },
    { index: 0, name: null, text: '{"a":"x"}' },
  ]);
});

test('A tool without arguments is called with an empty object, and none are generated', () => {
  const nothing: (JsonSchema | null)[] = [null, { type: 'object', properties: {} }, { type: 'object' }];
  for (const parameters of nothing) {
    const { tools, pieces } = offered(parameters);
    expect(tools.functions).toEqual({ tool: {} });
    tools.end('tool', undefined);
    expect(pieces.map(({ text }) => text).join('')).toBe('{}');
  }
});
