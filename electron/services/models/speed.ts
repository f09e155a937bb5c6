/** Bytes per second over the last few seconds, from samples of a growing count. */
export class SpeedMeter {
  private samples: { readonly timeMs: number; readonly bytes: number }[] = [];

  constructor(private readonly windowMs = 5_000) {}

  /** Adds a sample; returns the rate, or null while there is less than half a second to measure. */
  add(timeMs: number, bytes: number): number | null {
    const last = this.samples.at(-1);
    if (last && bytes < last.bytes) this.samples = [];
    this.samples.push({ timeMs, bytes });
    while (this.samples.length > 2 && timeMs - (this.samples[1]?.timeMs ?? timeMs) >= this.windowMs)
      this.samples.shift();
    const first = this.samples[0];
    if (!first || timeMs - first.timeMs < 500) return null;
    return ((bytes - first.bytes) * 1_000) / (timeMs - first.timeMs);
  }
}
