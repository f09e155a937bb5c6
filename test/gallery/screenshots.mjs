/*
 * Takes a picture of every case of the gallery in light and dark at two sizes; a narrow one is a phone's, with touch.
 *
 *   node test/gallery/screenshots.mjs OUT_FOLDER [PART_OF_NAME] [SIZE,SIZE] [light|dark]
 *
 * Needs `npx vite build --config test/gallery/vite.config.mts` before it and a Chromium; CHROMIUM names another
 * one than /usr/bin/chromium. Reports what a page wrote to its console as an error, so a broken policy or a key
 * warning does not hide behind a nice picture.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { preview } from 'vite';

const [folder, part = '', sizes = '1280x800,1920x1080', themes = 'light,dark'] = process.argv.slice(2);
if (!folder) {
  console.error('Name a folder for the pictures.');
  process.exit(2);
}
await mkdir(folder, { recursive: true });

const server = await preview({
  configFile: path.join(import.meta.dirname, 'vite.config.mts'),
  preview: { host: '127.0.0.1', port: 0 },
});
const address = server.resolvedUrls?.local[0];
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

/** Below this a size is a phone's. */
const phoneBelow = 600;

let problems = 0;
async function open(options) {
  const page = await browser.newPage(options);
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    problems += 1;
    console.error(`  ${message.text()}`);
  });
  page.on('pageerror', (error) => {
    problems += 1;
    console.error(`  ${error.stack ?? error.message}`);
  });
  await page.goto(address);
  return page;
}

try {
  const desktop = await open({});
  const phone = await open({ hasTouch: true, isMobile: true });
  const names = await desktop.locator('a[href^="?case="]:not([href*="theme="])').allTextContents();
  for (const name of names.filter((candidate) => candidate.includes(part))) {
    for (const size of sizes.split(',')) {
      const [width, height] = size.split('x').map(Number);
      const page = width < phoneBelow ? phone : desktop;
      await page.setViewportSize({ width, height });
      for (const theme of themes.split(',')) {
        await page.goto(`${address}?case=${encodeURIComponent(name)}&theme=${theme}`);
        await page.waitForLoadState('networkidle');
        const opener = page.locator('[data-open-for-screenshot]');
        if ((await opener.count()) > 0) await opener.click();
        const file = `${name.replaceAll(/[^a-z0-9]+/gi, '-')}-${theme}-${size}.png`;
        // What a case opens by itself, after its first frame.
        if (name.startsWith('Shell/')) await page.waitForTimeout(1_200);
        await page.waitForFunction(() => document.documentElement.dataset['acting'] === undefined);
        await page.evaluate(() =>
          Promise.all(
            document
              .getAnimations()
              .map(({ playState, effect, finished }) =>
                playState === 'running' && effect?.getComputedTiming().iterations === 1 ? finished : null,
              ),
          ),
        );
        await page.screenshot({ path: path.join(folder, file) });
        console.log(file);
      }
    }
  }
} finally {
  await browser.close();
  await server.close();
}
if (problems > 0) {
  console.error(`${problems} errors in the console`);
  process.exitCode = 1;
}
