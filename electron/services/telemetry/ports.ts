import type { LmError } from '../../contract';

/**
 * The engine's counters for one container at one moment, the same for cgroup v1, v2 and Podman. Counters only
 * grow while a container runs; null is "not reported".
 */
export interface ContainerCounters {
  /** The engine's clock. */
  readonly readTimeMs: number;
  readonly cpuUsageNanoseconds: number | null;
  /** CPU time of the whole machine over all CPUs. */
  readonly systemCpuNanoseconds: number | null;
  readonly onlineCpus: number | null;
  /** Without page cache that can be dropped at any time. */
  readonly memoryUsedBytes: number | null;
  readonly memoryLimitBytes: number | null;
  readonly networkReceivedBytes: number | null;
  readonly networkSentBytes: number | null;
  readonly blockReadBytes: number | null;
  readonly blockWrittenBytes: number | null;
  readonly pids: number | null;
}

export interface ContainerStatsHandlers {
  /** About once a second; Podman gives a reading every five seconds. */
  onCounters(counters: ContainerCounters): void;
  /** No more readings come: null when the container stopped, else what went wrong. Called at most once. */
  onEnd(error: LmError | null): void;
}

export interface ContainerStatsSource {
  /** Reads until the container stops; the returned function ends it at once and silences the handlers. */
  watch(containerId: string, handlers: ContainerStatsHandlers): () => void;
}
