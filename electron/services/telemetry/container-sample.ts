import type { ContainerSample } from '../../contract';
import type { ContainerCounters } from './ports';

const nanosecondsPerMs = 1_000_000;

/**
 * One sample from two readings in a row. Rates need both; where there is no earlier reading, a counter is
 * missing, has gone back (the container was started anew) or no time has passed, the value is null.
 *
 * CPU: 100 is one core fully used. As `docker stats` does, from the container's share of the machine's CPU time;
 * where the engine does not give that (Podman), from the time between the readings, which is the same quantity.
 */
export function toContainerSample(
  previous: ContainerCounters | null,
  current: ContainerCounters,
  timeMs: number,
): ContainerSample {
  const elapsedMs = previous ? current.readTimeMs - previous.readTimeMs : 0;
  const rate = (counter: (counters: ContainerCounters) => number | null) => {
    const growth = previous ? increase(counter(previous), counter(current)) : null;
    return growth === null || elapsedMs <= 0 ? null : (growth * 1000) / elapsedMs;
  };
  return {
    timeMs,
    cpuPercent: previous ? cpuPercent(previous, current, elapsedMs) : null,
    memoryUsedBytes: current.memoryUsedBytes,
    memoryLimitBytes: current.memoryLimitBytes,
    networkReceivedBytesPerSecond: rate((counters) => counters.networkReceivedBytes),
    networkSentBytesPerSecond: rate((counters) => counters.networkSentBytes),
    blockReadBytesPerSecond: rate((counters) => counters.blockReadBytes),
    blockWrittenBytesPerSecond: rate((counters) => counters.blockWrittenBytes),
    pids: current.pids,
  };
}

function cpuPercent(
  previous: ContainerCounters,
  current: ContainerCounters,
  elapsedMs: number,
): number | null {
  const used = increase(previous.cpuUsageNanoseconds, current.cpuUsageNanoseconds);
  if (used === null) return null;
  const system = increase(previous.systemCpuNanoseconds, current.systemCpuNanoseconds);
  if (system !== null && system > 0 && current.onlineCpus !== null) {
    return (used / system) * current.onlineCpus * 100;
  }
  return elapsedMs > 0 ? (used / (elapsedMs * nanosecondsPerMs)) * 100 : null;
}

function increase(before: number | null, after: number | null): number | null {
  return before === null || after === null || after < before ? null : after - before;
}
