/** Stands where a value was not reported. Never a zero. */
export const missingText = '–';

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Three significant digits, without a tail of zeros: 1.5, 23.4, 512. */
function shorten(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

/** Bytes in binary units: `1.5 GiB`. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return missingText;
  let value = bytes;
  let unit = 0;
  // 1023.95 would be shortened to 1024, so the unit changes just below.
  while (value >= 1023.5 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : shorten(value)} ${byteUnits[unit]}`;
}

/** Bytes per second: `12.3 MiB/s`. */
export function formatRate(bytesPerSecond: number | null): string {
  return bytesPerSecond === null ? missingText : `${formatBytes(bytesPerSecond)}/s`;
}

/** `480 MiB of 1.2 GiB`, or only what is known. */
export function formatByteProgress(completedBytes: number | null, totalBytes: number | null): string {
  if (completedBytes === null) return totalBytes === null ? missingText : formatBytes(totalBytes);
  return totalBytes === null
    ? formatBytes(completedBytes)
    : `${formatBytes(completedBytes)} of ${formatBytes(totalBytes)}`;
}

/** `value` is in percent already: `42 %`, `3.1 %`. */
export function formatPercent(value: number | null): string {
  if (value === null) return missingText;
  return `${value >= 10 ? Math.round(value) : Number(value.toFixed(1))} %`;
}

/** `1,234` */
export function formatCount(value: number | null): string {
  return value === null ? missingText : value.toLocaleString('en-US');
}

/** Two units at most, for people: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`, `3 d 4 h`. */
export function formatDuration(durationMs: number | null): string {
  if (durationMs === null) return missingText;
  if (durationMs < 9_950) return `${Number((durationMs / 1000).toFixed(1))} s`;
  const seconds = Math.round(durationMs / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return joinUnits(days, 'd', hours % 24, 'h');
  if (hours > 0) return joinUnits(hours, 'h', minutes % 60, 'min');
  if (minutes > 0) return joinUnits(minutes, 'min', seconds % 60, 's');
  return `${seconds} s`;
}

function joinUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** A running clock that does not jump in width: `0:07`, `12:30`, `1:02:03`. */
export function formatClock(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  const pad = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** `just now`, `5 minutes ago`, `in 20 seconds`, `yesterday`; dates from a month on. */
export function formatRelativeTime(timeMs: number | null, nowMs: number): string {
  if (timeMs === null) return missingText;
  const differenceMs = timeMs - nowMs;
  const distanceMs = Math.abs(differenceMs);
  if (differenceMs <= 0 && distanceMs < 45_000) return 'just now';
  if (distanceMs < minuteMs) return relative.format(Math.round(differenceMs / 1000), 'second');
  if (distanceMs < hourMs) return relative.format(Math.round(differenceMs / minuteMs), 'minute');
  if (distanceMs < dayMs) return relative.format(Math.round(differenceMs / hourMs), 'hour');
  if (distanceMs < 30 * dayMs) return relative.format(Math.round(differenceMs / dayMs), 'day');
  return new Date(timeMs).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}

/** Date and time for a tooltip or a fact: `23 Nov 2026, 14:05`. */
export function formatDateTime(timeMs: number | null): string {
  if (timeMs === null) return missingText;
  return new Date(timeMs).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  });
}
