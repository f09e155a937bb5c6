import { z } from 'zod';
import type { ContainerCounters } from '../../services/telemetry/ports';

const counter = z.number().nonnegative().nullish().catch(null);

/**
 * What is read of `GET /containers/{id}/stats`. Nearly everything may be missing: cgroup v1 and v2 name memory
 * and block entries differently, a stopped container answers with empty objects, and Podman leaves fields out
 * or gives them as null. A field of an unexpected type counts as missing.
 */
const statsAnswerSchema = z.object({
  read: z.string(),
  cpu_stats: z
    .object({
      cpu_usage: z
        .object({ total_usage: counter, percpu_usage: z.array(z.number()).nullish().catch(null) })
        .nullish()
        .catch(null),
      system_cpu_usage: counter,
      online_cpus: counter,
    })
    .nullish()
    .catch(null),
  memory_stats: z
    .object({
      usage: counter,
      limit: counter,
      stats: z.record(z.string(), z.unknown()).nullish().catch(null),
    })
    .nullish()
    .catch(null),
  networks: z
    .record(z.string(), z.object({ rx_bytes: counter, tx_bytes: counter }))
    .nullish()
    .catch(null),
  blkio_stats: z
    .object({
      io_service_bytes_recursive: z
        .array(z.object({ op: z.string(), value: z.number().nonnegative() }))
        .nullish()
        .catch(null),
    })
    .nullish()
    .catch(null),
  pids_stats: z.object({ current: counter }).nullish().catch(null),
});
type StatsAnswer = z.infer<typeof statsAnswerSchema>;

/**
 * The counters in one answer, or null when it holds no reading (the container does not run: Docker then gives
 * the year 1 as the time of reading). Throws a ZodError when it is no stats answer at all.
 */
export function toContainerCounters(answer: unknown): ContainerCounters | null {
  const stats = statsAnswerSchema.parse(answer);
  const readTimeMs = Date.parse(stats.read);
  if (!Number.isFinite(readTimeMs) || readTimeMs <= 0) return null;
  const networks = stats.networks ? Object.values(stats.networks) : [];
  const blockEntries = stats.blkio_stats?.io_service_bytes_recursive ?? [];
  const blockBytes = (operation: 'read' | 'write') =>
    sum(blockEntries.filter((entry) => entry.op.toLowerCase() === operation).map((entry) => entry.value));
  return {
    readTimeMs,
    cpuUsageNanoseconds: stats.cpu_stats?.cpu_usage?.total_usage ?? null,
    systemCpuNanoseconds: stats.cpu_stats?.system_cpu_usage ?? null,
    onlineCpus: onlineCpus(stats),
    memoryUsedBytes: memoryUsedBytes(stats),
    memoryLimitBytes: memoryLimitBytes(stats),
    networkReceivedBytes: sum(networks.map((network) => network.rx_bytes)),
    networkSentBytes: sum(networks.map((network) => network.tx_bytes)),
    blockReadBytes: blockBytes('read'),
    blockWrittenBytes: blockBytes('write'),
    pids: wholeNumber(stats.pids_stats?.current),
  };
}

function onlineCpus(stats: StatsAnswer): number | null {
  const online = stats.cpu_stats?.online_cpus;
  if (online) return online;
  // Engines before API 1.27 and old Podman; cgroup v2 has no list.
  return stats.cpu_stats?.cpu_usage?.percpu_usage?.length || null;
}

/**
 * As the docker command shows it: usage without inactive page cache, which is `total_inactive_file` in cgroup v1
 * and `inactive_file` in v2. Source: docker/cli, cli/command/container/stats_helpers.go.
 */
function memoryUsedBytes(stats: StatsAnswer): number | null {
  const memory = stats.memory_stats;
  const usage = wholeNumber(memory?.usage);
  if (usage === null) return null;
  const inactive = memory?.stats?.['total_inactive_file'] ?? memory?.stats?.['inactive_file'];
  return typeof inactive === 'number' && inactive >= 0 && inactive < usage ? usage - inactive : usage;
}

/** Null also for "no limit", which cgroups write as the largest number there is. */
function memoryLimitBytes(stats: StatsAnswer): number | null {
  return wholeNumber(stats.memory_stats?.limit) || null;
}

function wholeNumber(value: number | null | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
}

/** Null when there is nothing to add, or a part of it is not reported. */
function sum(values: readonly (number | null | undefined)[]): number | null {
  let total: number | null = null;
  for (const value of values) {
    if (value === null || value === undefined) return null;
    total = (total ?? 0) + value;
  }
  return total;
}
