import type { Clock } from './clock';

/** A clock whose time passes only when a test says so. */
export class ManualClock implements Clock {
  private now = 1_000_000;
  private timers: { readonly atMs: number; readonly action: () => void }[] = [];

  nowMs(): number {
    return this.now;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { atMs: this.now + delayMs, action };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  }

  advance(durationMs: number): void {
    const endMs = this.now + durationMs;
    for (;;) {
      const due = this.timers.filter((timer) => timer.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.timers = this.timers.filter((each) => each !== due);
      this.now = due.atMs;
      due.action();
    }
    this.now = endMs;
  }

  get waiting(): number {
    return this.timers.length;
  }
}
