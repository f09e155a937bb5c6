import { describe, expect, it } from 'vitest';
import { parseCpuTimes, parseDisks, parseMemory, parseNetwork } from './proc-parsers';

describe('what Linux says of the computer', () => {
  it('CPU time: all but idle and waiting is busy, and guests are not counted twice', () => {
    const text = [
      'cpu  100 20 30 1000 50 5 15 10 80 0',
      'cpu0 50 10 15 500 25 2 8 5 40 0',
      'cpu1 50 10 15 500 25 3 7 5 40 0',
      'intr 1 2 3',
    ].join('\n');
    expect(parseCpuTimes(text)).toEqual({
      busyNanoseconds: 180 * 10_000_000,
      totalNanoseconds: 1_230 * 10_000_000,
      cpus: 2,
    });
    expect(parseCpuTimes('intr 1\n')).toBeNull();
  });

  it('memory: what is available is not used', () => {
    const text = 'MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:   12000 kB\n';
    expect(parseMemory(text)).toEqual({ usedBytes: 4_000 * 1024, totalBytes: 16_000 * 1024 });
    expect(parseMemory('MemTotal: 16000 kB\n')).toBeNull();
  });

  it('traffic: of the cards, not of loopback or of what passes through a bridge', () => {
    const line = (name: string, received: number, sent: number) =>
      `${name}: ${received} 1 0 0 0 0 0 0 ${sent} 1 0 0 0 0 0 0`;
    const text = [
      'Inter-|   Receive                            |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes',
      line('    lo', 900, 900),
      line('  eth0', 10, 20),
      line('wlp3s0', 3, 4),
      line('docker0', 500, 500),
      line('veth12ab', 500, 500),
    ].join('\n');
    expect(parseNetwork(text)).toEqual({ receivedBytes: 13, sentBytes: 24 });
  });

  it('disks: whole ones only', () => {
    const line = (name: string, read: number, written: number) =>
      `   8       0 ${name} 5 0 ${read} 1 6 0 ${written} 1 0 1 2`;
    const text = [line('sda', 10, 20), line('sda1', 10, 20), line('nvme0n1', 1, 2), line('dm-0', 7, 7)].join(
      '\n',
    );
    expect(parseDisks(text)).toEqual({ readBytes: 11 * 512, writtenBytes: 22 * 512 });
  });
});
