import { maxLogLines, type ErrorData, type LmError, type LogChunk, type StreamSink } from '../../contract';
import type { RunningContainer, RunningContainerSource } from '../container/running-container';
import type { Clock, Disposable, Logger } from '../foundation';
import { BackOff, describeNotRunning } from '../telemetry';
import { LogRing } from './log-ring';
import { LogWatcher } from './log-watcher';
import type { ContainerLogSource, LogPosition } from './ports';

export interface LogsServiceDeps {
  readonly running: RunningContainerSource;
  /** The sandbox's container even when it is stopped, whose log tells why; null when there is none. */
  readonly stoppedContainerId: () => string | null;
  readonly logs: ContainerLogSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The container's log: the newest lines are kept here, over restarts of the container, and every page gets them
 * and then what follows. A container that was replaced begins a new log.
 */
export class LogsService implements Disposable {
  private readonly ring = new LogRing(maxLogLines);
  private readonly watchers = new Set<LogWatcher>();
  private readonly backOff: BackOff;
  private readonly stopListening: () => void;
  private container: RunningContainer | null = null;
  private containerId: string | null = null;
  private position: LogPosition | null = null;
  private stopFollowing: () => void = () => undefined;
  private error: ErrorData | null;

  constructor(private readonly deps: LogsServiceDeps) {
    this.backOff = new BackOff(deps.clock, { firstDelayMs: 500, longestDelayMs: 15_000 });
    this.error = describeNotRunning(deps.running);
    this.stopListening = deps.running.onChanged((running) => this.onRunningChanged(running));
    this.onRunningChanged(deps.running.current());
  }

  /** Sends the lines kept, then those that come, until the sink is closed. */
  watch(sink: StreamSink<LogChunk>): void {
    if (sink.signal.aborted) return;
    if (!this.container) {
      this.error = describeNotRunning(this.deps.running);
      this.readStopped();
    }
    const watcher = new LogWatcher({ sink, ring: this.ring, clock: this.deps.clock });
    this.watchers.add(watcher);
    sink.signal.addEventListener(
      'abort',
      () => {
        watcher.dispose();
        this.watchers.delete(watcher);
      },
      { once: true },
    );
    watcher.start(this.error);
  }

  dispose(): void {
    this.stopListening();
    this.stopFollowing();
    this.backOff.reset();
    for (const watcher of this.watchers) watcher.end();
    this.watchers.clear();
  }

  private onRunningChanged(running: RunningContainer | null): void {
    if (running && running.runId === this.container?.runId) return;
    this.container = running;
    this.backOff.reset();
    if (running) {
      this.setError(null);
      this.follow(running.containerId);
    } else {
      // The stream that is open brings the container's last words and then ends by itself.
      this.setError(describeNotRunning(this.deps.running));
    }
  }

  private readStopped(): void {
    const containerId = this.deps.stoppedContainerId();
    if (containerId !== null && containerId !== this.containerId) this.follow(containerId);
  }

  private follow(containerId: string): void {
    this.stopFollowing();
    if (containerId !== this.containerId) {
      const replaced = this.containerId !== null;
      this.containerId = containerId;
      this.position = null;
      this.ring.clear();
      if (replaced) for (const watcher of this.watchers) watcher.replace();
    }
    this.stopFollowing = this.deps.logs.follow(
      containerId,
      { after: this.position, tailLines: maxLogLines },
      {
        onLines: (lines, position) => {
          this.position = position;
          this.backOff.succeeded();
          if (this.error?.code === 'engine_connection_lost' && this.container) this.setError(null);
          this.ring.push(lines.map(({ timeMs, source, text }) => ({ timeMs, source, text })));
          for (const watcher of this.watchers) watcher.linesArrived();
        },
        onEnd: (error) => this.followAgain(containerId, error),
      },
    );
  }

  private followAgain(containerId: string, error: LmError | null): void {
    if (!this.container) return;
    if (error) {
      this.deps.logger.warn('Container log ended', { error });
      this.setError(error.data);
    }
    this.backOff.retry(() => {
      if (this.container?.containerId !== containerId) return;
      if (this.error?.retryable) this.setError(null);
      this.follow(containerId);
    });
  }

  private setError(error: ErrorData | null): void {
    if (JSON.stringify(error) === JSON.stringify(this.error)) return;
    this.error = error;
    for (const watcher of this.watchers) watcher.stateChanged(error);
  }
}
