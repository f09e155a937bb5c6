import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { launchApp } from '../../support/app.mjs';
import { startDisplay } from '../../support/display.mjs';
import { electronWith } from '../../support/electron-app.mjs';
import { Unavailable } from '../../support/report.mjs';

/** A window of Chromium that shows one page and knows no other host than this machine. */
export interface Browser {
  readonly page: Page;
  close(): Promise<void>;
}

/** An app that is a bare window: what the tests' Electron shows is what its Chromium shows. */
const MAIN = `
const { BrowserWindow, app } = require('electron');
app.commandLine.appendSwitch('host-resolver-rules', 'MAP * ~NOTFOUND, EXCLUDE 127.0.0.1');
app.whenReady().then(() => new BrowserWindow({ width: 1280, height: 900 }).loadURL('about:blank'));
app.on('window-all-closed', () => app.quit());
`;

/** The Chromium of the Electron that the end-to-end tests use; the reason, where there is none here. */
export async function openBrowser(): Promise<Browser | { readonly missing: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-browser-'));
  const releases: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true })];
  const close = async () => {
    for (const release of releases.splice(0).reverse()) await release();
  };
  try {
    const app = join(folder, 'app');
    await mkdir(app);
    await writeFile(join(app, 'package.json'), '{ "name": "browser", "main": "main.cjs" }');
    await writeFile(join(app, 'main.cjs'), MAIN);
    const executablePath = await electronWith(app, join(folder, 'electron'));
    const display = await startDisplay();
    releases.push(() => display.stop());
    const running = await launchApp({
      executablePath,
      env: display.env,
      userDataFolder: join(folder, 'user-data'),
    });
    releases.push(() => running.close());
    return { page: running.page, close };
  } catch (error) {
    await close();
    if (error instanceof Unavailable) return { missing: error.message };
    throw error;
  }
}
