import { readFileSync } from 'node:fs';

/**
 * Proportional set size of processes together: each page counts once, however many processes share it.
 * @param {readonly number[]} pids
 * @returns {number} MiB.
 */
export function proportionalSetMebibytes(pids) {
  let kibibytes = 0;
  for (const pid of pids) {
    try {
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      kibibytes += Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
    } catch {
      // It ended between the listing and the reading.
    }
  }
  return kibibytes / 1024;
}
