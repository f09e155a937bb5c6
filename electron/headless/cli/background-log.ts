import { fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const maxBytes = 1024 * 1024;
/** Of one that has become larger, so much of its end stays. */
const keptBytes = 256 * 1024;

/**
 * The log of hosts in the background, to be written at its end: another one that was started at the same time may write
 * to it. `startsAt` is its length in bytes so far.
 */
export function openBackgroundLog(dataFolder: string): {
  readonly logFile: string;
  readonly log: number;
  readonly startsAt: number;
} {
  const logFile = path.join(dataFolder, 'background-host.log');
  const log = openSync(logFile, 'a', 0o600);
  if (fstatSync(log).size > maxBytes) {
    const end = readFileSync(logFile).subarray(-keptBytes);
    writeFileSync(logFile, end.subarray(end.indexOf('\n') + 1));
  }
  return { logFile, log, startsAt: fstatSync(log).size };
}
