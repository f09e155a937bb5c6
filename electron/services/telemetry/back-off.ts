import type { Clock } from '../foundation';

export interface BackOffOptions {
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

/** Delays between attempts that double up to a limit, and begin anew after a success. One attempt waits at a time. */
export class BackOff {
  private failures = 0;
  private cancelWaiting: () => void = () => undefined;

  constructor(
    private readonly clock: Clock,
    private readonly options: BackOffOptions,
  ) {}

  retry(action: () => void): void {
    const delayMs = Math.min(this.options.firstDelayMs * 2 ** this.failures, this.options.longestDelayMs);
    this.failures += 1;
    this.cancelWaiting();
    this.cancelWaiting = this.clock.after(delayMs, action);
  }

  succeeded(): void {
    this.failures = 0;
  }

  /** Forgets failures and the attempt that waits. */
  reset(): void {
    this.failures = 0;
    this.cancelWaiting();
  }
}
