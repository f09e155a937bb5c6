import type { Clock } from '../foundation';
import type { GpuReading } from './ports';

/** A tick's rows follow each other within milliseconds; the next tick is a second away. */
const quietMs = 150;

/**
 * nvidia-smi repeats its rows without any mark between two rounds. A round is complete when an index comes again
 * (or a lower one), or when nothing has come for a moment.
 */
export class TickCollector {
  private readings: GpuReading[] = [];
  private cancelTimer: () => void = () => undefined;

  constructor(
    private readonly clock: Clock,
    private readonly onTick: (readings: readonly GpuReading[]) => void,
  ) {}

  push(reading: GpuReading): void {
    const last = this.readings.at(-1);
    if (last && reading.facts.index <= last.facts.index) this.complete();
    this.readings.push(reading);
    this.cancelTimer();
    this.cancelTimer = this.clock.after(quietMs, () => this.complete());
  }

  clear(): void {
    this.cancelTimer();
    this.readings = [];
  }

  private complete(): void {
    this.cancelTimer();
    const readings = this.readings;
    this.readings = [];
    if (readings.length > 0) this.onTick(readings);
  }
}
