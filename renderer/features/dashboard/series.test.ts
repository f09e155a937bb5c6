import { describe, expect, it } from 'vitest';
import { Series } from './series';

const sample = (timeMs: number, value: number | null) => ({ timeMs, value });

describe('Series', () => {
  it('gives times in seconds and one column for each value', () => {
    const series = new Series<ReturnType<typeof sample>>(300_000);
    series.replace([sample(1_000, 1), sample(2_000, null), sample(3_000, 3)]);
    expect(series.columns(({ value }) => value)).toEqual([
      [1, 2, 3],
      [1, null, 3],
    ]);
    expect(series.latest).toEqual(sample(3_000, 3));
  });

  it('leaves a gap where nothing was measured, instead of a line across it', () => {
    const series = new Series<ReturnType<typeof sample>>(300_000);
    series.replace([sample(1_000, 5), sample(9_000, 6)]);
    expect(series.columns(({ value }) => value)).toEqual([
      [1, 1.001, 9],
      [5, null, 6],
    ]);
  });

  it('draws through the long intervals of an engine that reports seldom', () => {
    const series = new Series<ReturnType<typeof sample>>(300_000);
    series.replace([sample(0, 1), sample(5_000, 2), sample(10_010, 3), sample(17_500, 4)]);
    expect(series.columns(({ value }) => value)[1]).toEqual([1, 2, 3, 4]);
  });

  it('keeps the window and no more', () => {
    const series = new Series<ReturnType<typeof sample>>(10_000);
    for (let second = 0; second < 100; second += 1) series.push(sample(second * 1_000, second));
    const [times] = series.columns(({ value }) => value);
    expect([times[0], times.at(-1), times.length]).toEqual([89, 99, 11]);
  });

  it('ignores a sample that is not newer, which a chart could not draw', () => {
    const series = new Series<ReturnType<typeof sample>>(10_000);
    series.replace([sample(2_000, 1), sample(2_000, 2), sample(1_000, 3)]);
    expect(series.columns(({ value }) => value)).toEqual([[2], [1]]);
  });
});
