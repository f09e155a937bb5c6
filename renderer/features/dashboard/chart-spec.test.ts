import { describe, expect, it } from 'vitest';
import { axisSteps, axisTop, formatValue, highestOf } from './chart-spec';

const spec = { smallestTop: 100 };

describe('the value axis', () => {
  it('does not make load of noise, leaves room above, and shows the limit once it is near', () => {
    expect(axisTop(spec, null, null)).toBe(100);
    expect(axisTop(spec, 3, null)).toBe(100);
    expect(axisTop(spec, 1_000, null)).toBe(1_150);
    expect(axisTop(spec, 1_000, 100_000)).toBe(1_150);
    expect(axisTop(spec, 1_000, 2_000)).toBe(2_100);
    expect(axisTop({ smallestTop: 1, fixedTop: 100 }, 40, null)).toBe(100);
  });

  it('takes binary steps for bytes and decimal ones for the rest', () => {
    expect(axisSteps('bytes').slice(0, 4)).toEqual([1, 2, 4, 8]);
    expect(axisSteps('percent').slice(0, 4)).toEqual([1, 2, 5, 10]);
  });
});

describe('values in words', () => {
  it('writes each with its unit, and a missing one as missing', () => {
    expect(formatValue(1536, 'bytes')).toBe('1.5 KiB');
    expect(formatValue(1536, 'rate')).toBe('1.5 KiB/s');
    expect(formatValue(12.4, 'percent')).toBe('12 %');
    expect(formatValue(3, 'count')).toBe('3');
    expect(formatValue(119.6, 'watts')).toBe('120 W');
    expect(formatValue(null, 'percent')).toBe('–');
    expect(highestOf([null, null])).toBeNull();
    expect(highestOf([null, 0, 2])).toBe(2);
  });
});
