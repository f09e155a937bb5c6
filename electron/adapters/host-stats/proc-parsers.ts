/** Clock ticks a second in /proc: 100 on every architecture that Linux tells it of (USER_HZ). */
const nanosecondsPerTick = 10_000_000;
const sectorBytes = 512;

export interface CpuTimes {
  readonly busyNanoseconds: number;
  readonly totalNanoseconds: number;
  readonly cpus: number;
}

/** /proc/stat; null where it is not as expected. */
export function parseCpuTimes(text: string): CpuTimes | null {
  const first = /^cpu +(.+)$/m.exec(text)?.[1];
  if (first === undefined) return null;
  // user nice system idle iowait irq softirq steal; guest time is part of user already.
  const ticks = first.trim().split(/\s+/).slice(0, 8).map(Number);
  const [, , , idle = 0, waiting = 0] = ticks;
  const total = ticks.reduce((sum, each) => sum + each, 0);
  if (!Number.isFinite(total)) return null;
  return {
    busyNanoseconds: (total - idle - waiting) * nanosecondsPerTick,
    totalNanoseconds: total * nanosecondsPerTick,
    cpus: text.match(/^cpu\d+ /gm)?.length ?? 1,
  };
}

export interface MemoryUse {
  readonly usedBytes: number;
  readonly totalBytes: number;
}

/** /proc/meminfo: used is what cannot be had without swapping. */
export function parseMemory(text: string): MemoryUse | null {
  const field = (name: string) => {
    const kilobytes = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  };
  const totalBytes = field('MemTotal');
  const availableBytes = field('MemAvailable');
  return totalBytes === null || availableBytes === null
    ? null
    : { usedBytes: totalBytes - availableBytes, totalBytes };
}

/** /proc/net/dev, over all interfaces but loopback, and but those that only pass on what another one counts. */
export function parseNetwork(text: string): { readonly receivedBytes: number; readonly sentBytes: number } {
  let receivedBytes = 0;
  let sentBytes = 0;
  for (const line of text.split('\n')) {
    const [name, counters] = line.split(':');
    if (name === undefined || counters === undefined) continue;
    if (/^(lo|veth|br-|docker|podman|cni|virbr|tun|tap|wg)/.test(name.trim())) continue;
    const numbers = counters.trim().split(/\s+/).map(Number);
    receivedBytes += numbers[0] ?? 0;
    sentBytes += numbers[8] ?? 0;
  }
  return { receivedBytes, sentBytes };
}

/** /proc/diskstats, over whole disks: partitions, and devices that lie on others, would count twice. */
export function parseDisks(text: string): { readonly readBytes: number; readonly writtenBytes: number } {
  let readBytes = 0;
  let writtenBytes = 0;
  for (const line of text.split('\n')) {
    const [, , name = '', , , sectorsRead, , , , sectorsWritten] = line.trim().split(/\s+/);
    if (!/^([shv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/.test(name)) continue;
    readBytes += Number(sectorsRead) * sectorBytes;
    writtenBytes += Number(sectorsWritten) * sectorBytes;
  }
  return { readBytes, writtenBytes };
}
