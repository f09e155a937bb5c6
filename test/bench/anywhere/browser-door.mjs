import { openTerminal } from '../lib/bench-rig.mjs';
import { entry } from '../lib/results.mjs';
import { median, percentile } from '../lib/statistics.mjs';
import { echo, makeCorpora, measuredMebibytes, showCorpus } from '../lib/terminal-tasks.mjs';

const pairs = 10;
/** Shown one after another: the rate is that of all their bytes. */
const corpora = /** @type {const} */ (['ascii', 'sgr', 'cjk']);

/** @typedef {import('../lib/bench-rig.mjs').Rig} Rig */
/** @typedef {import('../lib/bench-rig.mjs').RunningApp} RunningApp */

/**
 * The browser door against the desktop window, in turn: each with a host of its own, a shell in the same container
 * and as many cells.
 * @param {Rig} rig
 * @param {import('../lib/results.mjs').Entry[]} entries
 */
export async function benchBrowserDoor(rig, entries) {
  const desktop = await rig.launchOurs();
  try {
    await openTerminal(rig, desktop);
    await makeCorpora(rig);
    const browser = await rig.launchBrowser();
    try {
      await openTerminal(rig, browser);
      entries.push(await throughput(rig, browser, desktop), await keyToPaint(rig, browser, desktop));
    } finally {
      await browser.close();
    }
  } finally {
    await desktop.close();
  }
}

/** @param {Rig} rig @param {RunningApp} browser @param {RunningApp} desktop */
async function throughput(rig, browser, desktop) {
  rig.say('throughput of the browser and of the desktop');
  /** @type {number[]} */ const browserRates = [];
  /** @type {number[]} */ const desktopRates = [];
  // The first of each is warm-up.
  for (let pair = 0; pair <= pairs; pair += 1) {
    const rates = [await showAll(browser), await showAll(desktop)];
    if (pair === 0) continue;
    browserRates.push(rates[0]);
    desktopRates.push(rates[1]);
  }
  rig.say(`browser ${list(browserRates)}; desktop ${list(desktopRates)} MiB/s`);
  return entry('browser.throughput', median(browserRates), 'MiB/s', {
    baseline: median(desktopRates),
    baselineName: 'desktop',
    ratioAtLeast: 0.9,
  });
}

/** @param {RunningApp} app @returns {Promise<number>} MiB per second. */
async function showAll(app) {
  let seconds = 0;
  for (const corpus of corpora) seconds += measuredMebibytes / (await showCorpus(app, corpus));
  return (corpora.length * measuredMebibytes) / seconds;
}

/** @param {Rig} rig @param {RunningApp} browser @param {RunningApp} desktop */
async function keyToPaint(rig, browser, desktop) {
  rig.say('key to paint of the browser and of the desktop');
  for (const app of [browser, desktop]) {
    await app.page.evaluate(() => window.benchProbe.run('clear; echo cl""ear', 'clear'));
    await echo(app, 25);
  }
  /** @type {number[]} */ const browserMs = [];
  /** @type {number[]} */ const desktopMs = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    browserMs.push(...(await echo(browser, 50)));
    desktopMs.push(...(await echo(desktop, 50)));
  }
  rig.say(`median: browser ${median(browserMs).toFixed(1)}, desktop ${median(desktopMs).toFixed(1)} ms`);
  return entry('browser.key_to_paint.p95', percentile(browserMs, 95), 'ms', {
    baseline: percentile(desktopMs, 95),
    baselineName: 'desktop',
    ratioAtMost: 1.5,
  });
}

/** @param {readonly number[]} values */
function list(values) {
  return values.map((value) => value.toFixed(1)).join(' ');
}
