import { readFile } from 'node:fs/promises';
import { LmError } from '../../contract';
import type { ContainerCounters, ContainerStatsSource } from '../../services/telemetry/ports';
import { parseCpuTimes, parseDisks, parseMemory, parseNetwork } from './proc-parsers';

const intervalMs = 1_000;

export interface HostStatsOptions {
  /** How many programs run inside; null when it is not known. */
  readonly countInside: () => Promise<number | null>;
  /** /proc, but for tests. */
  readonly folder?: string;
}

/** The counters of this computer, once a second, in the shape of a container's; `pids` counts what runs inside. */
export function createHostStatsSource({
  countInside,
  folder = '/proc',
}: HostStatsOptions): ContainerStatsSource {
  return {
    watch: (_id, handlers) => {
      let stopped = false;
      let timer: NodeJS.Timeout | null = null;
      const tick = async () => {
        const counters = await readCounters(folder, countInside);
        if (stopped) return;
        if (!counters) {
          stopped = true;
          handlers.onEnd(
            new LmError(
              'unsupported',
              'This system does not tell how busy it is in the way that Linux does.',
            ),
          );
          return;
        }
        handlers.onCounters(counters);
        timer = setTimeout(() => void tick(), intervalMs);
        timer.unref();
      };
      void tick();
      return () => {
        stopped = true;
        if (timer) clearTimeout(timer);
      };
    },
  };
}

async function readCounters(
  folder: string,
  countInside: () => Promise<number | null>,
): Promise<ContainerCounters | null> {
  const read = (name: string) => readFile(`${folder}/${name}`, 'utf8').catch(() => null);
  const [stat, meminfo, network, disks, pids] = await Promise.all([
    read('stat'),
    read('meminfo'),
    read('net/dev'),
    read('diskstats'),
    countInside().catch(() => null),
  ]);
  if (stat === null && meminfo === null) return null;
  const cpu = stat === null ? null : parseCpuTimes(stat);
  const memory = meminfo === null ? null : parseMemory(meminfo);
  const traffic = network === null ? null : parseNetwork(network);
  const blocks = disks === null ? null : parseDisks(disks);
  return {
    readTimeMs: Date.now(),
    cpuUsageNanoseconds: cpu?.busyNanoseconds ?? null,
    systemCpuNanoseconds: cpu?.totalNanoseconds ?? null,
    onlineCpus: cpu?.cpus ?? null,
    memoryUsedBytes: memory?.usedBytes ?? null,
    memoryLimitBytes: memory?.totalBytes ?? null,
    networkReceivedBytes: traffic?.receivedBytes ?? null,
    networkSentBytes: traffic?.sentBytes ?? null,
    blockReadBytes: blocks?.readBytes ?? null,
    blockWrittenBytes: blocks?.writtenBytes ?? null,
    pids,
  };
}
