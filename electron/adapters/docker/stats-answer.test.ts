import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toContainerSample } from '../../services/telemetry/container-sample';
import { toContainerCounters } from './stats-answer';

function fixture(name: string): unknown[] {
  const value: unknown = JSON.parse(
    readFileSync(join(__dirname, '../../../test/fixtures/docker-stats', name), 'utf8'),
  );
  return Array.isArray(value) ? value : [value];
}

function sampleOf(name: string) {
  const [first, second] = fixture(name).map(toContainerCounters);
  if (!first || !second) throw new Error('The fixture has no two readings.');
  return toContainerSample(first, second, 5);
}

describe('toContainerCounters', () => {
  it('reads cgroup v1 as the docker command shows it', () => {
    expect(sampleOf('cgroup-v1.json')).toEqual({
      timeMs: 5,
      cpuPercent: 150,
      memoryUsedBytes: 419_430_400,
      memoryLimitBytes: 2_147_483_648,
      networkReceivedBytesPerSecond: 50_000,
      networkSentBytesPerSecond: 10_000,
      blockReadBytesPerSecond: 8_192,
      blockWrittenBytesPerSecond: 16_384,
      pids: 10,
    });
  });

  it('reads cgroup v2, which names memory and block entries differently and has no CPU list', () => {
    expect(sampleOf('cgroup-v2.json')).toEqual({
      timeMs: 5,
      cpuPercent: 150,
      memoryUsedBytes: 440_401_920,
      memoryLimitBytes: 33_554_432_000,
      networkReceivedBytesPerSecond: 50_000,
      networkSentBytesPerSecond: 10_000,
      blockReadBytesPerSecond: 8_192,
      blockWrittenBytesPerSecond: 16_384,
      pids: 9,
    });
  });

  it('reads what Podman leaves of it, and takes the rest as missing instead of zero', () => {
    expect(sampleOf('podman.json')).toEqual({
      timeMs: 5,
      cpuPercent: 25,
      memoryUsedBytes: 10_485_760,
      memoryLimitBytes: null,
      networkReceivedBytesPerSecond: 0,
      networkSentBytesPerSecond: 0,
      blockReadBytesPerSecond: null,
      blockWrittenBytesPerSecond: null,
      pids: 3,
    });
  });

  it('takes the answer about a stopped container for no reading', () => {
    expect(fixture('stopped.json').map(toContainerCounters)).toEqual([null]);
  });

  it('refuses what is no stats answer', () => {
    expect(() => toContainerCounters({ message: 'no such container' })).toThrow();
  });

  it('survives any shape of the optional parts', () => {
    fc.assert(
      fc.property(
        fc.record({
          cpu_stats: fc.jsonValue(),
          memory_stats: fc.jsonValue(),
          networks: fc.jsonValue(),
          blkio_stats: fc.jsonValue(),
          pids_stats: fc.jsonValue(),
        }),
        (parts) => {
          const counters = toContainerCounters({ read: '2026-11-20T10:00:00Z', ...parts });
          expect(counters?.readTimeMs).toBe(Date.parse('2026-11-20T10:00:00Z'));
        },
      ),
    );
  });
});
