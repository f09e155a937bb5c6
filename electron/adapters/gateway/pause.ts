import { setTimeout as sleep } from 'node:timers/promises';
import { cancelled } from './errors';

/** Waits; throws `cancelled` as soon as `signal` is aborted. */
export async function pause(milliseconds: number, signal: AbortSignal, during: string): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal, ref: false });
  } catch {
    throw cancelled(during);
  }
}
