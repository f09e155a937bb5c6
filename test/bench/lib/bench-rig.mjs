import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { launchApp } from '../../support/app.mjs';
import { startDisplay } from '../../support/display.mjs';
import { startEngine } from '../../support/engine.mjs';
import { startHeadlessHost } from '../../support/headless.mjs';
import { findProgram } from '../../support/process.mjs';
import { SANDBOX_IMAGE, ensureSandboxImage } from '../../support/sandbox-image.mjs';
import { electronWith } from '../../support/electron-app.mjs';
import { installProbe } from './page-probe.mjs';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../../..');
const containerName = 'lm_bench';
export const columns = 120;
export const rows = 36;

/** The layout of the app with nothing but its terminal, as a person would have it who types there. */
const terminalOnly = JSON.stringify({
  ...{ version: 1, shown: ['terminal'], maximised: null, active: 'terminal', sizes: {} },
});

/**
 * Everything the groups need, started once: an engine, a display, the packaged app, the bare and the hello app.
 * @param {{ say: (line: string) => void }} options
 */
export async function createRig({ say }) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'lm-sandbox-bench-'));
  /** @type {(() => Promise<unknown>)[]} */
  const releases = [async () => rmSync(scratch, { recursive: true, force: true })];
  const release = async () => {
    for (const action of releases.splice(0).reverse()) await action().catch((error) => say(String(error)));
  };

  try {
    say('packaging the app');
    await run(process.execPath, ['scripts/package.mjs', '--test-electron'], { cwd: root });
    const appExecutable = path.join(root, 'dist/test/linux-unpacked/lm-sandbox');

    const given = process.env['LM_SANDBOX_BENCH_ENGINE'];
    const engine = given ? null : await startEngine({ generation: 'modern', cdi: false, name: 'bench' });
    if (engine) releases.push(() => engine.stop());
    const host = given ?? engine?.host ?? '';
    const socketPath = host.replace('unix://', '');
    const image = engine ? await ensureSandboxImage(engine) : SANDBOX_IMAGE;

    // A display for each, so that no window covers another.
    const environments = [];
    for (let count = 0; count < 2; count += 1) {
      const display = await startDisplay({});
      releases.push(() => display.stop());
      environments.push({ ...process.env, ...display.env, DOCKER_HOST: host });
    }
    const [environment = process.env, otherEnvironment = process.env] = environments;

    const docker = new Docker({ socketPath });
    await docker
      .getContainer(containerName)
      .remove({ force: true })
      .catch(() => undefined);
    releases.push(() => docker.getContainer(containerName).remove({ force: true }));

    let launches = 0;
    const newUserData = () => {
      const folder = path.join(scratch, `user-data-${launches++}`);
      mkdirSync(folder, { recursive: true });
      const settings = {
        containerName,
        workspaceVolume: 'lm_bench_workspace',
        modelsVolume: 'lm_bench_models',
        gpu: 'none',
        hostPort: 18_437,
      };
      writeFileSync(path.join(folder, 'settings.json'), JSON.stringify({ version: 1, settings }));
      return folder;
    };

    /** @param {{ userDataFolder?: string }} [options] */
    const launchOurs = ({ userDataFolder = newUserData() } = {}) =>
      launchApp({ executablePath: appExecutable, env: environment, userDataFolder, timeoutMs: 60_000 });
    const bareExecutable = await electronWith(path.join(root, 'test/bench/bare'), scratch);
    const launchBare = () =>
      launchApp({
        executablePath: bareExecutable,
        env: { ...otherEnvironment, BENCH_SOCKET: socketPath, BENCH_CONTAINER: containerName },
        userDataFolder: newUserData(),
      });
    const helloExecutable = await electronWith(path.join(root, 'test/bench/hello'), scratch);
    const launchHello = () =>
      launchApp({ executablePath: helloExecutable, env: otherEnvironment, userDataFolder: newUserData() });

    /** The app through the browser door: the host under plain Node, and a window of the system's Chromium. */
    const launchBrowser = async () => {
      const chromium = findProgram('chromium');
      if (chromium === undefined) throw new Error('There is no chromium: sudo apt-get install chromium');
      const dataFolder = newUserData();
      const headless = await startHeadlessHost({ dataFolder, env: { ...process.env, DOCKER_HOST: host } });
      try {
        // Started and reached as the desktop app is: the same flags, a display of its own, no settings of a driver.
        const browser = await launchApp({
          executablePath: chromium,
          args: ['--no-first-run', '--no-default-browser-check', '--window-size=1280,900', headless.link],
          env: otherEnvironment,
          userDataFolder: path.join(dataFolder, 'chromium'),
          timeoutMs: 60_000,
        });
        await browser.page.waitForURL(`${new URL(headless.link).origin}/`);
        const close = async () => {
          const [first, second] = await Promise.all([browser.close(), headless.close()]);
          return { left: [...first.left, ...second.left] };
        };
        return { ...browser, close };
      } catch (error) {
        await headless.kill();
        throw error;
      }
    };

    return {
      say,
      onRelease: (/** @type {() => Promise<unknown>} */ action) => releases.push(action),
      docker,
      /** What sandboxes are made of. */
      image,
      containerName,
      launchOurs,
      launchBrowser,
      launchBare,
      launchHello,
      newUserData,
      environment,
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** @typedef {Awaited<ReturnType<typeof createRig>>} Rig */
/** @typedef {import('../../support/app.mjs').RunningApp} RunningApp */

/**
 * Brings the app from its first view to a running sandbox with one shell at 120×36 cells, as a person would.
 * @param {Rig} rig
 * @param {RunningApp} app
 */
export async function openTerminal(rig, app) {
  const { page } = app;
  const cpu = page.getByText('CPU only');
  const surface = page.locator('[data-terminal-id] .xterm-rows').first();
  await cpu.or(surface).first().waitFor({ timeout: 60_000 });
  if (await cpu.isVisible()) {
    await cpu.click();
    await page.getByRole('button', { name: 'Create and start' }).click();
    await page.getByRole('button', { name: 'Open the workspace' }).click({ timeout: 120_000 });
  }
  await page.evaluate((layout) => localStorage.setItem('lm-sandbox.layout', layout), terminalOnly);
  await page.reload();
  await surface.waitFor({ timeout: 60_000 });
  await page.evaluate(installProbe);
  await fitCells(page);
}

/** @param {import('@playwright/test').Page} page */
async function fitCells(page) {
  let width = 1000;
  let height = 700;
  for (let attempt = 0; attempt < 12; attempt += 1) {
    await page.setViewportSize({ width, height });
    const answer = await page.evaluate(async () => {
      await new Promise((resolve) => setTimeout(resolve, 400));
      const probe = window.benchProbe;
      await probe.until((shown) => shown.includes('$'));
      probe.type(`\u0015clear; echo "size:$(stty size | tr ' ' x):"\r`);
      let text = '';
      await probe.until((shown) => {
        text = shown;
        return /size:\d+x\d+:/.test(shown);
      });
      const screen = [...document.querySelectorAll('.xterm-screen')].find(
        (element) => element.clientWidth > 0,
      );
      const match = /size:(\d+)x(\d+):/.exec(text);
      return {
        rows: Number(match?.[1]),
        columns: Number(match?.[2]),
        cellWidth: (screen?.clientWidth ?? 0) / Number(match?.[2]),
        cellHeight: (screen?.clientHeight ?? 0) / Number(match?.[1]),
      };
    });
    if (answer.rows === rows && answer.columns === columns) return;
    width += Math.round(
      (columns - answer.columns) * answer.cellWidth + Math.sign(columns - answer.columns) * 2,
    );
    height += Math.round((rows - answer.rows) * answer.cellHeight + Math.sign(rows - answer.rows) * 2);
  }
  throw new Error(`The terminal could not be brought to ${columns}×${rows} cells.`);
}

/** @param {RunningApp} app */
export async function prepareBare(app) {
  await app.page.locator('.xterm-rows').waitFor();
  await app.page.evaluate(installProbe);
  await app.page.evaluate(() => window.benchProbe.run('echo rea""dy', 'ready'));
}

/**
 * Runs a command in the bench container and gives its output.
 * @param {Rig} rig
 * @param {string} command
 */
export async function inContainer(rig, command) {
  const exec = await rig.docker
    .getContainer(rig.containerName)
    .exec({ Cmd: ['/bin/bash', '-c', command], AttachStdout: true, AttachStderr: true, Tty: true });
  const stream = await exec.start({ Tty: true });
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}
