/** Columns for a chart: times in seconds, then one column of values for each series; null is a gap. */
export type Columns = readonly [times: readonly number[], ...values: readonly (readonly (number | null)[])[]];

/** A sample that comes later than this after the one before it leaves a visible gap. */
const gapMs = 3_000;

/**
 * The samples of the last `windowMs`, as columns, outside React. A pause in the samples becomes a gap in every
 * line: nothing was measured there, so nothing is drawn.
 */
export class Series<Sample extends { readonly timeMs: number }> {
  private samples: (Sample | { readonly timeMs: number; readonly gap: true })[] = [];

  constructor(private readonly windowMs: number) {}

  replace(samples: readonly Sample[]): void {
    this.samples = [];
    for (const sample of samples) this.push(sample);
  }

  push(sample: Sample): void {
    const lastMs = this.samples.at(-1)?.timeMs;
    if (lastMs !== undefined && sample.timeMs <= lastMs) return;
    if (lastMs !== undefined && sample.timeMs - lastMs > gapMs)
      this.samples.push({ timeMs: lastMs + 1, gap: true });
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
