import { expect, test } from 'vitest';
import { PromptPieces } from './prompt-pieces';

test('Pieces grow on a fast machine up to the batch, and never beyond what is left', () => {
  const pieces = new PromptPieces(512);
  const sizes: number[] = [];
  for (let left = 2_000; left > 0;) {
    const size = pieces.next(left);
    sizes.push(size);
    pieces.took(size, size / 20);
    left -= size;
  }
  expect(sizes.slice(0, 6)).toEqual([32, 64, 128, 256, 512, 512]);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(2_000);
});

test('Pieces shrink on a slow machine until one takes about 50 ms', () => {
  const pieces = new PromptPieces(512);
  for (let turn = 0; turn < 10; turn += 1) {
    const size = pieces.next(1_000);
    pieces.took(size, size * 20);
  }
  expect(pieces.next(1_000)).toBe(2);
});

test('A piece has one token at least, however slow the machine', () => {
  const pieces = new PromptPieces(512);
  for (let turn = 0; turn < 20; turn += 1) pieces.took(pieces.next(10), 5_000);
  expect(pieces.next(10)).toBe(1);
});
