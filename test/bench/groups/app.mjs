import { openTerminal } from '../lib/bench-rig.mjs';
import { proportionalSetMebibytes } from '../lib/processes.mjs';
import { entry } from '../lib/results.mjs';
import { median } from '../lib/statistics.mjs';

const pairs = 10;
const settleMs = 5_000;

/** @typedef {import('../lib/bench-rig.mjs').Rig} Rig */
/** @typedef {import('../lib/bench-rig.mjs').RunningApp} RunningApp */

/**
 * Start-up and idle memory of the app with a running sandbox and one shell, against the smallest window of the same
 * Electron.
 * @param {Rig} rig
 * @param {import('../lib/results.mjs').Entry[]} entries Filled as they are measured.
 */
export async function benchApp(rig, entries) {
  const userDataFolder = rig.newUserData();
  const preparing = await rig.launchOurs({ userDataFolder });
  await openTerminal(rig, preparing);
  await preparing.close();

  const ours = { shownMs: /** @type {number[]} */ ([]), memory: /** @type {number[]} */ ([]) };
  const hello = { shownMs: /** @type {number[]} */ ([]), memory: /** @type {number[]} */ ([]) };
  for (let pair = 0; pair < pairs; pair += 1) {
    rig.say(`start ${pair + 1} of ${pairs}`);
    await measure(() => rig.launchOurs({ userDataFolder }), ours);
    await measure(() => rig.launchHello(), hello);
  }
  const baselineName = 'hello world';
  entries.push(
    entry('app.window_shown', median(ours.shownMs), 'ms', {
      ...{ baseline: median(hello.shownMs), baselineName, ratioAtMost: 1.5 },
    }),
    entry('app.idle_memory', median(ours.memory), 'MiB', {
      ...{ baseline: median(hello.memory), baselineName, ratioAtMost: 1.6 },
    }),
  );
}

/**
 * @param {() => Promise<RunningApp>} launch
 * @param {{ shownMs: number[], memory: number[] }} into
 */
async function measure(launch, into) {
  const begun = Date.now();
  const app = await launch();
  try {
    const paintedAtMs = await app.page.evaluate(
      () =>
        new Promise((resolve) => {
          const look = () => {
            const paint = performance.getEntriesByName('first-contentful-paint')[0];
            if (paint) resolve(performance.timeOrigin + paint.startTime);
            else requestAnimationFrame(look);
          };
          look();
        }),
    );
    into.shownMs.push(paintedAtMs - begun);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    into.memory.push(proportionalSetMebibytes(app.processes()));
  } finally {
    await app.close();
  }
}
