import {
  LmError,
  telemetryHistorySeconds,
  type ContainerSample,
  type ErrorData,
  type StreamSink,
  type TelemetryChunk,
} from '../../contract';
import type { RunningContainer, RunningContainerSource } from '../container/running-container';
import type { Clock, Disposable, Logger } from '../foundation';
import { BackOff } from './back-off';
import { toContainerSample } from './container-sample';
import { History } from './history';
import type { ContainerCounters, ContainerStatsSource } from './ports';
import { describeNotRunning } from './not-running';
import { Watchers } from './watchers';

export interface TelemetryServiceDeps {
  readonly running: RunningContainerSource;
  readonly stats: ContainerStatsSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * What the sandbox container uses. Reads one stats stream while the container runs, whether or not a page looks,
 * so that a page that opens finds the last minutes; all pages share it.
 */
export class TelemetryService implements Disposable {
  private readonly history = new History<ContainerSample>(
    telemetryHistorySeconds * 1000,
    telemetryHistorySeconds,
  );
  private readonly watchers = new Watchers<TelemetryChunk>();
  private readonly backOff: BackOff;
  private readonly stopFollowing: () => void;
  private container: RunningContainer | null = null;
  private lastContainerId: string | null = null;
  private stopReading: () => void = () => undefined;
  private previous: ContainerCounters | null = null;
  private onlineCpus: number | null = null;
  private error: ErrorData | null;

  constructor(private readonly deps: TelemetryServiceDeps) {
    this.backOff = new BackOff(deps.clock, { firstDelayMs: 500, longestDelayMs: 15_000 });
    this.error = describeNotRunning(deps.running);
    this.stopFollowing = deps.running.onChanged((running) => this.follow(running));
    this.follow(deps.running.current());
  }

  /** Sends state and history, then a sample a second, until the sink is closed. */
  watch(sink: StreamSink<TelemetryChunk>): void {
    // The reason can become another one (engine lost, container removed) while nothing runs.
    if (!this.container) this.error = describeNotRunning(this.deps.running);
    sink.send(this.stateChunk());
    this.watchers.add(sink);
  }

  dispose(): void {
    this.stopFollowing();
    this.stop();
    this.watchers.endAll();
  }

  private follow(running: RunningContainer | null): void {
    if (running && running.runId === this.container?.runId) return;
    this.stop();
    this.container = running;
    if (running) {
      if (running.containerId !== this.lastContainerId) this.history.clear();
      this.lastContainerId = running.containerId;
      this.onlineCpus = null;
      this.read(running);
    }
    this.setError(running ? null : describeNotRunning(this.deps.running), true);
  }

  private read(running: RunningContainer): void {
    this.previous = null;
    this.stopReading = this.deps.stats.watch(running.containerId, {
      onCounters: (counters) => this.accept(counters),
      onEnd: (error) => this.readAgain(running, error),
    });
  }

  private accept(counters: ContainerCounters): void {
    const sample = toContainerSample(this.previous, counters, this.deps.clock.nowMs());
    this.previous = counters;
    this.backOff.succeeded();
    this.history.push(sample);
    const cpusChanged = counters.onlineCpus !== this.onlineCpus;
    this.onlineCpus = counters.onlineCpus;
    if (this.error !== null || cpusChanged) this.setError(null, true);
    else this.watchers.sendWritable({ kind: 'sample', sample });
  }

  private readAgain(running: RunningContainer, error: LmError | null): void {
    // A stream that ends by itself is the container stopping; the news of that is on its way.
    if (error) {
      this.deps.logger.warn('Container statistics ended', { error });
      this.setError(error.data, false);
    }
    this.backOff.retry(() => {
      if (this.container?.runId === running.runId) this.read(running);
    });
  }

  private setError(error: ErrorData | null, always: boolean): void {
    const changed = JSON.stringify(error) !== JSON.stringify(this.error);
    this.error = error;
    if (changed || always) this.watchers.sendAll(this.stateChunk());
  }

  private stateChunk(): TelemetryChunk {
    return {
      kind: 'state',
      error: this.error,
      onlineCpus: this.onlineCpus,
      history: this.history.list(),
    };
  }

  private stop(): void {
    this.stopReading();
    this.stopReading = () => undefined;
    this.backOff.reset();
    this.previous = null;
  }
}
