import type { Clock } from '../foundation';

export interface AttemptLimits {
  /** Failures within `windowMs` that lock an address out. */
  readonly failures: number;
  readonly windowMs: number;
  readonly lockOutMs: number;
}

interface Record {
  failuresMs: number[];
  lockedUntilMs: number;
}

/** Addresses remembered at most; beyond that the one that failed longest ago is forgotten. */
const maxAddresses = 1_000;

/** Counts failed attempts by address, and locks an address out that fails too often. */
export class Attempts {
  private readonly records = new Map<string, Record>();

  constructor(
    private readonly clock: Clock,
    private readonly limits: AttemptLimits,
  ) {}

  /** For how long `address` is still locked out; zero when it is not. */
  lockedForMs(address: string): number {
    const record = this.records.get(address);
    return record ? Math.max(0, record.lockedUntilMs - this.clock.nowMs()) : 0;
  }

  fail(address: string): void {
    const nowMs = this.clock.nowMs();
    const before = this.records.get(address);
    const failuresMs = [...(before?.failuresMs ?? []), nowMs].filter(
      (timeMs) => nowMs - timeMs < this.limits.windowMs,
    );
    const locks = failuresMs.length >= this.limits.failures;
    // Taken out first, so that the map stays in the order of the last failure.
    this.records.delete(address);
    this.records.set(address, {
      failuresMs: locks ? [] : failuresMs,
      lockedUntilMs: locks ? nowMs + this.limits.lockOutMs : (before?.lockedUntilMs ?? 0),
    });
    for (const oldest of this.records.keys()) {
      if (this.records.size <= maxAddresses) break;
      this.records.delete(oldest);
    }
  }
}
