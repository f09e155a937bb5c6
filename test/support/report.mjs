/**
 * What set-up code says while it works, and how it says that something cannot be had here.
 * @module
 */

/**
 * Something the tests need cannot be had on this machine. Never a failure of the project: whoever catches
 * it skips with `reason` and shows `repair`.
 */
export class Unavailable extends Error {
  /**
   * @param {string} reason What is missing and why, one sentence.
   * @param {string} repair The exact command or step that provides it.
   */
  constructor(reason, repair) {
    super(`${reason} To have it: ${repair}`);
    this.name = 'Unavailable';
    this.reason = reason;
    this.repair = repair;
  }
}

/**
 * Prints one progress line. Standard error, because standard output may carry a machine-readable report.
 * @param {string} line
 * @returns {void}
 */
export function say(line) {
  process.stderr.write(`· ${line}\n`);
}

/**
 * @param {number} bytes
 * @returns {string} For people, for example `95.4 MB`.
 */
export function formatBytes(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

/**
 * @param {number} milliseconds
 * @returns {string} For people, for example `1 min 5 s` or `0.4 s`.
 */
export function formatDuration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
