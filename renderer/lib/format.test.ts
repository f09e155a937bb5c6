import { describe, expect, it } from 'vitest';
import {
  formatByteProgress,
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatPercent,
  formatRate,
  formatRelativeTime,
} from './format';

const kib = 1024;
const mib = 1024 * kib;
const gib = 1024 * mib;

describe('formatting for people', () => {
  it.each([
    [0, '0 B'],
    [512, '512 B'],
    [1023, '1023 B'],
    [kib, '1 KiB'],
    [1.5 * kib, '1.5 KiB'],
    [mib - 1, '1 MiB'],
    [23.44 * mib, '23.4 MiB'],
    [512 * mib, '512 MiB'],
    [1.25 * gib, '1.25 GiB'],
    [3 * 1024 * gib, '3 TiB'],
  ])('writes %d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it('shows a missing value as missing, never as zero', () => {
    const texts = [
      formatBytes(null),
      formatRate(null),
      formatPercent(null),
      formatCount(null),
      formatDuration(null),
    ];
    expect(texts).toEqual(['–', '–', '–', '–', '–']);
    expect(formatRelativeTime(null, 0)).toBe('–');
  });

  it('writes rates and progress', () => {
    expect(formatRate(12.34 * mib)).toBe('12.3 MiB/s');
    expect(formatByteProgress(480 * mib, 1.2 * gib)).toBe('480 MiB of 1.2 GiB');
    expect(formatByteProgress(480 * mib, null)).toBe('480 MiB');
    expect(formatByteProgress(null, null)).toBe('–');
  });

  it.each([
    [0, '0 %'],
    [3.14, '3.1 %'],
    [42.4, '42 %'],
    [780, '780 %'],
  ])('writes %d percent as %s', (value, text) => expect(formatPercent(value)).toBe(text));

  it.each([
    [0, '0 s'],
    [420, '0.4 s'],
    [9_949, '9.9 s'],
    [9_950, '10 s'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [185_000, '3 min 5 s'],
    [2 * 3_600_000 + 4 * 60_000, '2 h 4 min'],
    [76 * 3_600_000, '3 d 4 h'],
  ])('writes a duration of %d ms as %s', (durationMs, text) => expect(formatDuration(durationMs)).toBe(text));

  it('writes a clock that only grows to the left', () => {
    expect([0, 7_900, 750_000, 3_723_000].map(formatClock)).toEqual(['0:00', '0:07', '12:30', '1:02:03']);
  });

  it.each([
    [0, 'just now'],
    [-44_000, 'just now'],
    [-50_000, '50 seconds ago'],
    [20_000, 'in 20 seconds'],
    [-5 * 60_000, '5 minutes ago'],
    [-26 * 3_600_000, 'yesterday'],
    [-3 * 86_400_000, '3 days ago'],
  ])('writes a time %d ms from now as %s', (differenceMs, text) => {
    const nowMs = Date.UTC(2026, 5, 15);
    expect(formatRelativeTime(nowMs + differenceMs, nowMs)).toBe(text);
  });

  it('writes a time long ago as a date', () => {
    expect(formatRelativeTime(Date.UTC(2026, 0, 15, 12), Date.UTC(2026, 5, 15))).toBe('15 Jan 2026');
  });
});
