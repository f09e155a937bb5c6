/** Columns for a chart: times in seconds, then one column of values for each series; null is a gap. */
export type Columns = readonly [times: readonly number[], ...values: readonly (readonly (number | null)[])[]];

/**
 * A sample that comes later than this after the one before it leaves a visible gap, and later than some of its
 * usual intervals: Podman reports only every five seconds.
 */
const shortestGapMs = 6_000;
const gapIntervals = 2.5;

/**
 * The samples of the last `windowMs`, as columns, outside React. A pause in the samples becomes a gap in every
 * line: nothing was measured there, so nothing is drawn.
 */
export class Series<Sample extends { readonly timeMs: number }> {
  private samples: (Sample | { readonly timeMs: number; readonly gap: true })[] = [];
  private lastIntervalMs = 0;

  constructor(private readonly windowMs: number) {}

  replace(samples: readonly Sample[]): void {
    this.samples = [];
    this.lastIntervalMs = 0;
    for (const sample of samples) this.push(sample);
  }

  push(sample: Sample): void {
    const lastMs = this.samples.at(-1)?.timeMs;
    if (lastMs !== undefined) {
      const intervalMs = sample.timeMs - lastMs;
      if (intervalMs <= 0) return;
      const isGap = intervalMs > Math.max(shortestGapMs, this.lastIntervalMs * gapIntervals);
      if (isGap) this.samples.push({ timeMs: lastMs + 1, gap: true });
      else this.lastIntervalMs = intervalMs;
    }
    this.samples.push(sample);
    const oldestMs = sample.timeMs - this.windowMs;
    let old = 0;
    while ((this.samples[old]?.timeMs ?? Infinity) < oldestMs) old += 1;
    if (old > 0) this.samples.splice(0, old);
  }

  /** The newest sample. */
  get latest(): Sample | null {
    const last = this.samples.at(-1);
    return last && !('gap' in last) ? last : null;
  }

  columns(...pick: readonly ((sample: Sample) => number | null)[]): Columns {
    const times = this.samples.map((sample) => sample.timeMs / 1000);
    const values = pick.map((of) => this.samples.map((sample) => ('gap' in sample ? null : of(sample))));
    return [times, ...values];
  }
}
