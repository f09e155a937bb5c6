import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containerSampleSchema } from '../../contract';
import { toContainerSample } from './container-sample';
import type { ContainerCounters } from './ports';

const counters: ContainerCounters = {
  readTimeMs: 1_000,
  cpuUsageNanoseconds: 1_000_000_000,
  systemCpuNanoseconds: 100_000_000_000,
  onlineCpus: 4,
  memoryUsedBytes: 100,
  memoryLimitBytes: 1_000,
  networkReceivedBytes: 1_000,
  networkSentBytes: 2_000,
  blockReadBytes: 3_000,
  blockWrittenBytes: 4_000,
  pids: 5,
};

const counter = fc.option(fc.nat(2 ** 40), { nil: null });
const countersArbitrary: fc.Arbitrary<ContainerCounters> = fc.record({
  readTimeMs: fc.nat(2 ** 41),
  cpuUsageNanoseconds: counter,
  systemCpuNanoseconds: counter,
  onlineCpus: fc.option(fc.integer({ min: 1, max: 512 }), { nil: null }),
  memoryUsedBytes: counter,
  memoryLimitBytes: counter,
  networkReceivedBytes: counter,
  networkSentBytes: counter,
  blockReadBytes: counter,
  blockWrittenBytes: counter,
  pids: counter,
});

describe('toContainerSample', () => {
  it('counts one busy core as 100 percent and rates by the second', () => {
    const next: ContainerCounters = {
      ...counters,
      readTimeMs: 3_000,
      cpuUsageNanoseconds: 3_000_000_000,
      systemCpuNanoseconds: 108_000_000_000,
      networkReceivedBytes: 1_500,
    };
    expect(toContainerSample(counters, next, 7)).toEqual({
      timeMs: 7,
      cpuPercent: 100,
      memoryUsedBytes: 100,
      memoryLimitBytes: 1_000,
      networkReceivedBytesPerSecond: 250,
      networkSentBytesPerSecond: 0,
      blockReadBytesPerSecond: 0,
      blockWrittenBytesPerSecond: 0,
      pids: 5,
    });
  });

  it('gives the first reading without rates rather than with zeros', () => {
    expect(toContainerSample(null, counters, 7)).toEqual({
      timeMs: 7,
      cpuPercent: null,
      memoryUsedBytes: 100,
      memoryLimitBytes: 1_000,
      networkReceivedBytesPerSecond: null,
      networkSentBytesPerSecond: null,
      blockReadBytesPerSecond: null,
      blockWrittenBytesPerSecond: null,
      pids: 5,
    });
  });

  it('takes a counter that went back, as after a restart, for unknown', () => {
    const restarted = { ...counters, readTimeMs: 2_000, cpuUsageNanoseconds: 5, networkReceivedBytes: 5 };
    const sample = toContainerSample(counters, restarted, 7);
    expect([sample.cpuPercent, sample.networkReceivedBytesPerSecond]).toEqual([null, null]);
  });

  it('is always a valid sample, whatever the engine counts', () => {
    fc.assert(
      fc.property(fc.option(countersArbitrary, { nil: null }), countersArbitrary, (previous, current) => {
        containerSampleSchema.parse(toContainerSample(previous, current, 1));
      }),
    );
  });

  it('never gives a value for a counter that one of the readings lacks', () => {
    fc.assert(
      fc.property(countersArbitrary, countersArbitrary, (previous, current) => {
        const sample = toContainerSample(previous, current, 1);
        if (previous.networkReceivedBytes === null || current.networkReceivedBytes === null) {
          expect(sample.networkReceivedBytesPerSecond).toBeNull();
        }
        if (previous.cpuUsageNanoseconds === null || current.cpuUsageNanoseconds === null) {
          expect(sample.cpuPercent).toBeNull();
        }
      }),
    );
  });
});
