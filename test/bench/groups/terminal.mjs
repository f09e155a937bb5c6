import { readFileSync } from 'node:fs';
import { inContainer, openTerminal, prepareBare } from '../lib/bench-rig.mjs';
import { installProbe } from '../lib/page-probe.mjs';
import { proportionalSetMebibytes } from '../lib/processes.mjs';
import { entry } from '../lib/results.mjs';
import { median, percentile } from '../lib/statistics.mjs';
import { corpora, echo, makeCorpora, measuredMebibytes, showCorpus } from '../lib/terminal-tasks.mjs';

const pairs = 10;
const targets = { ascii: 0.95, sgr: 0.95, cjk: 0.9, urandom: 0.7 };

/** @typedef {import('../lib/bench-rig.mjs').Rig} Rig */
/** @typedef {import('../lib/bench-rig.mjs').RunningApp} RunningApp */

/**
 * @param {Rig} rig
 * @param {import('../lib/results.mjs').Entry[]} entries Filled as they are measured.
 */
export async function benchTerminal(rig, entries) {
  const ours = await rig.launchOurs();
  try {
    await openTerminal(rig, ours);
    await makeCorpora(rig);
    const bare = await rig.launchBare();
    try {
      await prepareBare(bare);
      const parts = [throughput, keyToPaint, beside, floodMessages, blockedMain, hiddenFlood, reattach];
      for (const part of parts) entries.push(...(await part(rig, ours, bare)));
    } finally {
      await bare.close();
    }
  } finally {
    await ours.close();
  }
}

/** @param {Rig} rig @param {RunningApp} ours @param {RunningApp} bare */
async function throughput(rig, ours, bare) {
  const entries = [];
  for (const corpus of corpora) {
    rig.say(`throughput of ${corpus}`);
    await showCorpus(ours, corpus, 2);
    await showCorpus(bare, corpus, 2);
    /** @type {{ ours: number[], bare: number[], raw: number[] }} */
    const rates = { ours: [], bare: [], raw: [] };
    for (let pair = 0; pair < pairs; pair += 1) {
      rates.ours.push(await showCorpus(ours, corpus));
      rates.bare.push(await showCorpus(bare, corpus));
      if (corpus === 'ascii') rates.raw.push(await rawRate(rig));
    }
    const value = median(rates.ours);
    entries.push(
      entry(`terminal.throughput.${corpus}`, value, 'MiB/s', {
        baseline: median(rates.bare),
        baselineName: 'bare xterm.js',
        ratioAtLeast: targets[corpus],
      }),
    );
    if (corpus === 'ascii') {
      entries.push(
        entry('terminal.throughput.raw_share', value, 'MiB/s', {
          baseline: median(rates.raw),
          baselineName: 'raw dockerode exec',
        }),
      );
    }
  }
  return entries;
}

/** @param {Rig} rig @returns {Promise<number>} MiB per second through a TTY exec that nobody draws. */
async function rawRate(rig) {
  const exec = await rig.docker.getContainer(rig.containerName).exec({
    ...{ Cmd: ['/bin/cat', '/workspace/bench-ascii'], Tty: true, AttachStdout: true, AttachStderr: true },
  });
  const begun = performance.now();
  const stream = await exec.start({ hijack: true, stdin: true, Tty: true });
  for await (const chunk of stream) void chunk;
  return (measuredMebibytes * 1000) / (performance.now() - begun);
}

/** @param {Rig} rig @param {RunningApp} ours @param {RunningApp} bare */
async function keyToPaint(rig, ours, bare) {
  rig.say('key to paint');
  for (const app of [ours, bare])
    await app.page.evaluate(() => window.benchProbe.run('clear; echo cl""ear', 'clear'));
  /** @type {number[]} */
  const oursMs = [];
  /** @type {number[]} */
  const bareMs = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    oursMs.push(...(await echo(ours, 50)));
    bareMs.push(...(await echo(bare, 50)));
  }
  const baselineName = 'bare xterm.js';
  return [
    entry('terminal.key_to_paint.p50', median(oursMs), 'ms', {
      baseline: median(bareMs),
      baselineName,
      ratioAtMost: 1.5,
    }),
    entry('terminal.key_to_paint.p95', percentile(oursMs, 95), 'ms', {
      ...{ baseline: percentile(bareMs, 95), baselineName, ratioAtMost: 2 },
    }),
  ];
}

/** Echo beside a neighbour's flood, and how soon Ctrl-C ends the painting of one's own. @param {Rig} rig @param {RunningApp} ours */
async function beside(rig, ours) {
  rig.say('echo beside a flood, Ctrl-C');
  const { page } = ours;
  await page.getByRole('button', { name: 'New terminal' }).click();
  await page.getByRole('tab').nth(1).waitFor();
  await page.evaluate(() => window.benchProbe.run('clear; echo sec""ond', 'second'));
  const tabs = page.getByRole('tab');
  /** @type {number[]} */
  const idleMs = [];
  /** @type {number[]} */
  const floodMs = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    idleMs.push(...(await echo(ours, 30)));
    await tabs.nth(0).click();
    await page.evaluate(() => window.benchProbe.type('\u0015yes "$(printf %90s neighbour)"\r'));
    await tabs.nth(1).click();
    floodMs.push(...(await echo(ours, 30)));
    await tabs.nth(0).click();
    await page.evaluate(() => window.benchProbe.interrupt(300));
    await tabs.nth(1).click();
  }
  await tabs.nth(0).click();
  /** @type {number[]} */
  const interruptMs = [];
  for (let round = 0; round < pairs; round += 1) {
    await page.evaluate(async () => {
      window.benchProbe.type('\u0015yes "$(printf %90s flood)"\r');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    });
    interruptMs.push(await page.evaluate(() => window.benchProbe.interrupt(700)));
  }
  return [
    entry('terminal.flood_echo.p95', percentile(floodMs, 95), 'ms', {
      ...{ baseline: percentile(idleMs, 95), baselineName: 'idle', ratioAtMost: 3 },
    }),
    entry('terminal.ctrl_c_ms', percentile(interruptMs, 95), 'ms', { valueAtMost: 500 }),
  ];
}

/** @param {Rig} rig @param {RunningApp} ours */
async function floodMessages(rig, ours) {
  rig.say('messages of a flood');
  const { page } = ours;
  await page.addInitScript(() => {
    window.benchMessages = 0;
    const add = MessagePort.prototype.addEventListener;
    MessagePort.prototype.addEventListener = function (type, listener, options) {
      if (type !== 'message') return add.call(this, type, listener, options);
      const counting = (event) => {
        window.benchMessages += 1;
        listener.call(this, event);
      };
      return add.call(this, type, counting, options);
    };
  });
  await page.reload();
  await page.locator('[data-terminal-id] .xterm-rows').first().waitFor();
  await page.evaluate(installProbe);
  await page.evaluate(() => window.benchProbe.run('clear; echo cou""nt', 'count'));
  const counts = [];
  for (let round = 0; round < pairs; round += 1) {
    const before = await page.evaluate(() => window.benchMessages);
    await showCorpus(ours, 'ascii', 2);
    counts.push((await page.evaluate(() => window.benchMessages)) - before);
  }
  return [entry('terminal.flood_messages', median(counts), 'messages', { valueAtMost: 600 })];
}

/** The main process does nothing at all for two seconds, as if it were busy. @param {Rig} rig @param {RunningApp} ours */
async function blockedMain(rig, ours) {
  rig.say('echo while the main process is stopped');
  const { page } = ours;
  await page.evaluate(() => window.benchProbe.run('clear; echo blo""cked', 'blocked'));
  /** @type {number[]} */
  const idleMs = [];
  /** @type {number[]} */
  const blockedMs = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    idleMs.push(...(await echo(ours, 25, 20)));
    // Begins half a second after the stop, ends well before the two seconds are over.
    await page.evaluate(() => {
      window.benchBlocked = new Promise((resolve) => setTimeout(resolve, 500)).then(() =>
        window.benchProbe.echo(25, 20),
      );
    });
    process.kill(ours.pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    process.kill(ours.pid, 'SIGCONT');
    blockedMs.push(...(await page.evaluate(() => window.benchBlocked)));
  }
  return [
    entry('terminal.main_blocked_echo.p95', percentile(blockedMs, 95), 'ms', {
      ...{ baseline: percentile(idleMs, 95), baselineName: 'idle', ratioAtMost: 2 },
    }),
  ];
}

const floodBytes = 500_000_000;

/** @param {number} pid */
function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended.
    return '';
  }
}

/**
 * A window that is hidden hardly runs; one whose process is stopped does not run at all, which is the hardest case of
 * it: nothing is consumed until it goes on.
 * @param {Rig} rig
 * @param {RunningApp} ours
 */
async function hiddenFlood(rig, ours) {
  rig.say('500 MB with the page stopped');
  const { page } = ours;
  const pagePids = ours.processes().filter((pid) => commandOf(pid).includes('--type=renderer'));
  if (pagePids.length !== 1) throw new Error(`There are ${pagePids.length} processes of pages.`);
  /** @param {NodeJS.Signals} signal */
  const signalPage = (signal) => pagePids.forEach((pid) => process.kill(pid, signal));
  /** @param {boolean} frozen @returns {Promise<{ jobMs: number, growthMebibytes: number }>} */
  const flood = async (frozen) => {
    await inContainer(rig, 'rm -f /workspace/flood-ms');
    const idle = proportionalSetMebibytes(ours.processes());
    let peak = idle;
    await page.evaluate((bytes) => {
      window.benchProbe.type(
        `\u0015s=$(date +%s%N); yes "$(printf %98s x)" | head -c ${bytes}; e=$(date +%s%N); echo $(( (e-s)/1000000 )) > /workspace/flood-ms\r`,
      );
    }, floodBytes);
    if (frozen) signalPage('SIGSTOP');
    let jobMs = Number.NaN;
    for (let second = 0; second < 300 && Number.isNaN(jobMs); second += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      peak = Math.max(peak, proportionalSetMebibytes(ours.processes()));
      jobMs = Number.parseInt(await inContainer(rig, 'cat /workspace/flood-ms 2>/dev/null'), 10);
    }
    if (frozen) signalPage('SIGCONT');
    await page.evaluate(() => window.benchProbe.run('clear; echo dra""ined', 'drained'));
    return { jobMs, growthMebibytes: peak - idle };
  };
  const visible = [];
  const hidden = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    visible.push(await flood(false));
    hidden.push(await flood(true));
  }
  return [
    entry('terminal.hidden_flood_growth_mb', Math.max(...hidden.map((item) => item.growthMebibytes)), 'MiB', {
      valueAtMost: 64,
    }),
    entry('terminal.hidden_flood_job', median(hidden.map((item) => item.jobMs)), 'ms', {
      ...{ baseline: median(visible.map((item) => item.jobMs)), baselineName: 'visible', ratioAtMost: 1.3 },
    }),
  ];
}

/** A page is loaded anew: until the shell's text is there, with 5,000 lines and with a fresh screen. @param {Rig} rig @param {RunningApp} ours */
async function reattach(rig, ours) {
  rig.say('reattach');
  const { page } = ours;
  /** @param {string} command @param {string} marker */
  const reload = async (command, marker) => {
    await page.evaluate(([line, shown]) => window.benchProbe.run(line, shown), [command, marker]);
    const begun = performance.now();
    await page.reload({ waitUntil: 'commit' });
    await page.waitForFunction(
      (shown) =>
        [...document.querySelectorAll('.xterm-rows')].some((item) => item.textContent.includes(shown)),
      marker,
      { polling: 'raf', timeout: 60_000 },
    );
    const ms = performance.now() - begun;
    await page.evaluate(installProbe);
    return ms;
  };
  const first = [];
  const full = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    first.push(await reload(`clear; printf '\\033[3J'; echo "fresh-""${pair}:"`, `fresh-${pair}:`));
    full.push(
      await reload(
        `seq -f '%08g the quick brown fox jumps over the lazy dog' 5100; echo "full-""${pair}:"`,
        `full-${pair}:`,
      ),
    );
  }
  return [
    entry('terminal.reattach', median(full), 'ms', {
      ...{ baseline: median(first), baselineName: 'first open', ratioAtMost: 1.5 },
    }),
  ];
}
