import { describe, expect, it } from 'vitest';
import { chooseRange } from './engine-network.mjs';

describe('the address range of a test engine', () => {
  it('is the first free one from its own starting place on, around the end', () => {
    expect(chooseRange([], 3)).toBe(203);
    expect(chooseRange(['10.203.0.0/24', 'default'], 3)).toBe(204);
    expect(chooseRange(['10.249.0.0/24'], 49)).toBe(200);
  });

  it('is refused when the machine uses them all', () => {
    const all = Array.from({ length: 50 }, (_unused, index) => `10.${200 + index}.0.0/24`);
    expect(() => chooseRange(all, 0)).toThrow('No free address range');
  });
});
