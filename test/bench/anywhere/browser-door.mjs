import { openTerminal } from '../lib/bench-rig.mjs';
import { entry } from '../lib/results.mjs';
import { median, percentile } from '../lib/statistics.mjs';
import { echo, makeCorpora, measuredMebibytes, showCorpus } from '../lib/terminal-tasks.mjs';

const pairs = 10;
/** Shown one after another: the rate is that of all their bytes. */
const corpora = /** @type {const} */ (['ascii', 'sgr']);

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
      entries.push(...(await throughput(rig, browser, desktop)));
      entries.push(await keyToPaint(rig, browser, desktop));
    } finally {
      await browser.close();
    }
  } finally {
    await desktop.close();
  }
}

/**
 * Text in Chinese has a row of its own, which judges nothing: most of its time goes into the layout of 20,000 different
 * characters, and so into the difference of the two versions of Chromium.
 * @param {Rig} rig
 * @param {RunningApp} browser
 * @param {RunningApp} desktop
 */
async function throughput(rig, browser, desktop) {
  const text = await rates(rig, browser, desktop, corpora, 1);
  // Most characters are then known to xterm.js, which measures each when it meets it first.
  const chinese = await rates(rig, browser, desktop, ['cjk'], 6);
  return [
    entry('browser.throughput', median(text.browser), 'MiB/s', {
      baseline: median(text.desktop),
      baselineName: 'desktop',
      ratioAtLeast: 0.9,
    }),
    entry('browser.throughput.cjk', median(chinese.browser), 'MiB/s', {
      baseline: median(chinese.desktop),
      baselineName: 'desktop',
    }),
  ];
}

/**
 * @param {Rig} rig
 * @param {RunningApp} browser
 * @param {RunningApp} desktop
 * @param {readonly ('ascii' | 'sgr' | 'cjk')[]} names
 * @param {number} warmUps Rounds before those that count.
 */
async function rates(rig, browser, desktop, names, warmUps) {
  rig.say(`throughput of the browser and of the desktop: ${names.join(', ')}`);
  /** @type {{ browser: number[], desktop: number[] }} */
  const found = { browser: [], desktop: [] };
  for (let pair = -warmUps; pair < pairs; pair += 1) {
    const pairOfRates = [await showAll(browser, names), await showAll(desktop, names)];
    if (pair < 0) continue;
    found.browser.push(pairOfRates[0]);
    found.desktop.push(pairOfRates[1]);
  }
  rig.say(`browser ${list(found.browser)}; desktop ${list(found.desktop)} MiB/s`);
  return found;
}

/**
 * @param {RunningApp} app
 * @param {readonly ('ascii' | 'sgr' | 'cjk')[]} names
 * @returns {Promise<number>} MiB per second.
 */
async function showAll(app, names) {
  let seconds = 0;
  for (const name of names) seconds += measuredMebibytes / (await showCorpus(app, name));
  return (names.length * measuredMebibytes) / seconds;
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
