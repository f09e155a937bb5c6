import { expect, test } from 'vitest';
import { unitVector } from './unit-vector';

test('A vector keeps its direction and has the length 1; one without a length stays', () => {
  expect(unitVector([3, -4])).toEqual([0.6, -0.8]);
  expect(unitVector([0, 0])).toEqual([0, 0]);
});
