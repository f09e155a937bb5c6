/** The samples of the last `windowMs`, at most `capacity` of them. */
export class History<Sample extends { readonly timeMs: number }> {
  private samples: Sample[] = [];

  constructor(
    private readonly windowMs: number,
    private readonly capacity: number,
  ) {}

  push(...added: readonly Sample[]): void {
    this.samples.push(...added);
    const newestMs = this.samples.at(-1)?.timeMs ?? 0;
    const isOld = (sample: Sample | undefined) =>
      sample !== undefined && sample.timeMs <= newestMs - this.windowMs;
    let dropped = Math.max(0, this.samples.length - this.capacity);
    while (isOld(this.samples[dropped])) dropped += 1;
    if (dropped > 0) this.samples.splice(0, dropped);
  }

  /** Oldest first. */
  list(): Sample[] {
    return [...this.samples];
  }

  clear(): void {
    this.samples = [];
  }
}
