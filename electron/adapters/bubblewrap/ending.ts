import { setTimeout as delay } from 'node:timers/promises';
import { LmError } from '../../contract';
import type { Launch } from '../../services/embedded/ports';
import {
  descendants,
  isAlive,
  readProcess,
  readProcesses,
  signal,
  withEnvironment,
  type ProcessEntry,
} from './process-table';

/** Carried by every program that nothing isolates, so that one which left its session is still found. */
export const markerVariable = 'LM_SANDBOX_LAUNCH';

const graceMs = 2_000;
const lookEveryMs = 15;
/** A process in an uninterruptible sleep (a network drive that does not answer) cannot be ended by anybody. */
const patienceMs = 10_000;

/**
 * Hangs up everything that a launch started, and kills what is still alive after a moment. In bubblewrap that is
 * the first process of the pid namespace: the kernel then kills all others in it before that one is gone.
 */
export async function endLaunch(processId: number, launch: Launch): Promise<void> {
  const first = await readProcess(processId);
  const marker = launch.environment[markerVariable];
  const marked = async () => (marker === undefined ? [] : withEnvironment(`${markerVariable}=${marker}`));
  const below = async () => (first ? descendants(await readProcesses(), processId) : []);

  const [initial, ...inside] = await below();
  const isolated = marker === undefined;
  // What bubblewrap runs is below the first process inside, which only waits for it. A hang-up of bubblewrap itself
  // would kill everything at once.
  const polite = isolated ? inside : [first, initial, ...inside, ...(await marked())];
  for (const each of polite) if (each) signal(each.processId, 'SIGHUP');
  // A stopped program (Ctrl-Z) hears a hang-up only when it goes on.
  for (const each of polite) if (each) signal(each.processId, 'SIGCONT');

  const all = async (): Promise<ProcessEntry[]> => {
    const known = [first, initial, ...inside].filter((each) => each !== null && each !== undefined);
    const alive = await Promise.all(
      [...known, ...(await below())].map(async (each) => ((await isAlive(each)) ? each : null)),
    );
    const left = [...alive.filter((each) => each !== null), ...(await marked()).filter((each) => !each.dead)];
    return [...new Map(left.map((each) => [each.processId, each])).values()];
  };
  if (await gone(all, graceMs)) return;
  const deadline = Date.now() + patienceMs;
  for (;;) {
    // The last are the deepest: the parents, killed later, cannot start them anew under another number unseen,
    // since each round looks again.
    for (const each of (await all()).reverse()) signal(each.processId, 'SIGKILL');
    if (await gone(all, graceMs)) return;
    if (Date.now() > deadline) {
      const left = (await all()).map((each) => each.processId).join(', ');
      throw new LmError(
        'internal',
        `Some programs of the embedded sandbox cannot be ended: process ${left}.`,
        {
          repair: {
            text: 'They belong to another user, or wait for a drive. End them by hand, then stop again.',
          },
        },
      );
    }
  }
}

async function gone(left: () => Promise<readonly ProcessEntry[]>, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while ((await left()).length > 0) {
    if (Date.now() > deadline) return false;
    await delay(lookEveryMs);
  }
  return true;
}
