import { expect, test } from 'vitest';
import type { JsonSchema } from '../../../services/models/ports';
import { hasOptionalProperties, toGrammarSchema, withoutLeftOut } from './grammar-schema';

const place: JsonSchema = {
  type: 'object',
  properties: {
    city: { type: 'string', description: 'Where.' },
    unit: { enum: ['celsius', 'fahrenheit'] },
    note: { type: ['string', 'null'] },
  },
  required: ['city'],
};

test('What may be left out may be null in a call, and is always there in an answer', () => {
  expect(toGrammarSchema(place, 'null')).toEqual({
    type: 'object',
    properties: {
      city: { type: 'string', description: 'Where.' },
      unit: { oneOf: [{ enum: ['celsius', 'fahrenheit'] }, { type: 'null' }] },
      note: { oneOf: [{ type: 'string' }, { type: 'null' }] },
    },
  });
  expect(toGrammarSchema(place, 'written')).toMatchObject({
    properties: { unit: { enum: ['celsius', 'fahrenheit'] } },
  });
});

test('A null that stands for what was left out is taken away, one that is a value stays', () => {
  expect(withoutLeftOut(place, { city: 'Rome', unit: null, note: null })).toEqual({
    city: 'Rome',
    note: null,
  });
  const list: JsonSchema = { type: 'object', properties: { places: { type: 'array', items: place } } };
  expect(withoutLeftOut(list, { places: [{ city: 'Rome', unit: null, note: 'warm' }] })).toEqual({
    places: [{ city: 'Rome', note: 'warm' }],
  });
  const either: JsonSchema = {
    anyOf: [{ type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] }, place],
  };
  expect(withoutLeftOut(either, { city: 'Rome', unit: null, note: null })).toEqual({
    city: 'Rome',
    note: null,
  });
});

test('References are followed, and one that leads to itself allows anything', () => {
  const tree: JsonSchema = {
    type: 'object',
    properties: { root: { $ref: '#/$defs/node' } },
    required: ['root'],
    $defs: {
      node: {
        type: 'object',
        properties: { name: { type: 'string' }, below: { type: 'array', items: { $ref: '#/$defs/node' } } },
        required: ['name', 'below'],
      },
    },
  };
  expect(toGrammarSchema(tree, 'null')).toMatchObject({
    properties: {
      root: {
        properties: {
          name: { type: 'string' },
          below: { type: 'array', items: { oneOf: [{ type: 'string' }, {}, {}, {}, {}, {}] } },
        },
      },
    },
  });
  expect(hasOptionalProperties(tree)).toBe(true);
});

test('Parts that all hold are put together', () => {
  const both: JsonSchema = {
    allOf: [
      place,
      { type: 'object', properties: { day: { type: 'string', format: 'date' } }, required: ['day'] },
    ],
  };
  expect(toGrammarSchema(both, 'written')).toMatchObject({
    type: 'object',
    properties: { city: { type: 'string' }, day: { type: 'string', format: 'date' } },
  });
  expect(withoutLeftOut(both, { city: 'Rome', day: '2026-01-01', unit: null })).toEqual({
    city: 'Rome',
    day: '2026-01-01',
  });
});

test('Whether something can be left out is known of nested parts, too', () => {
  expect(hasOptionalProperties(place)).toBe(true);
  const inner = (required: string[]): JsonSchema => ({
    type: 'object',
    properties: { places: { type: 'array', items: { type: 'object', properties: { a: {} }, required } } },
    required: ['places'],
  });
  expect(hasOptionalProperties(inner(['a']))).toBe(false);
  expect(hasOptionalProperties(inner([]))).toBe(true);
});
