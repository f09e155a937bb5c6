import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { Engine } from '../support/engine.mjs';
import { ensureSmallModel } from '../support/model.mjs';
import { ensureSandboxImage } from '../support/sandbox-image.mjs';
import { whyNoBubblewrap } from '../integration/embedded/harness';
import { expect, test, type Views } from './fixtures';
import type { SandboxApp } from './sandbox-app';

const folder = join(__dirname, '../../test-results/screenshots');
const folderOf = (app: SandboxApp) => join(folder, app.origin.startsWith('http') ? 'browser' : '.');
/** Where a new picture for the README goes, when one is wanted: `docs/screenshot.png`. */
const readmePicture = process.env['LM_SANDBOX_README_PICTURE'];

const sizes = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
] as const;
const phone = { width: 390, height: 844 } as const;
const themes = ['Light', 'Dark'] as const;

/** Pictures of every view in both themes and two sizes, for people to judge; what a machine can judge it does. */
test.describe.serial('every view, in light and dark and in two sizes, fits its window', () => {
  let engine: Engine;
  let capture: (name: string) => Promise<void>;

  test.beforeAll(async ({ app, engines }) => {
    test.setTimeout(900_000);
    engine = await engines('modern');
    await ensureSandboxImage(engine);
    await engine.docker(['rm', '--force', 'lm_container'], { allowFailure: true });
    capture = (name) => captureAll(app, name);
  });
  test.afterAll(async ({ app }) => {
    await app.quit();
  });

  test('with no engine', async ({ app, views }) => {
    await app.open({ dockerHost: 'unix:///run/no-such-engine.sock' });
    await expect(views.setup.errorOf(views.setup.engine)).toBeVisible();
    await capture('setup-no-engine');
    await app.page.getByRole('button', { name: 'Skip for now' }).click();
    await expect(app.page.getByText('The sandbox is not running')).toHaveCount(2);
    await capture('workspace-no-engine');
  });

  test('with no image', async ({ app, views }) => {
    await app.open({ dockerHost: engine.host, settings: { imageName: 'not-built-yet' } });
    await expect(views.setup.buildButton).toBeVisible();
    await capture('setup-no-image');
    await views.setup.buildButton.click();
    await expect(views.setup.buildSteps.first()).toBeVisible();
    await views.setup.image.getByRole('button', { name: 'Show log' }).click();
    await capture('setup-building');
    await views.setup.image.getByRole('button', { name: 'Cancel build' }).click();
    await expect(views.setup.image).toContainText('The build was cancelled.', { timeout: 60_000 });
    await capture('setup-cancelled');
  });

  test('with a sandbox to create, and created', async ({ app, views }) => {
    await app.open({ dockerHost: engine.host });
    await expect(views.setup.createButton).toBeVisible();
    await capture('setup-create');
    await views.setup.cpuCard.click();
    await views.setup.createButton.click();
    await expect(views.setup.openWorkspaceButton).toBeVisible({ timeout: 90_000 });
    await capture('setup-running');
    await views.setup.openWorkspaceButton.click();
    await views.terminal.waitForPrompt();
    await capture('workspace-first');
  });

  test('with work in it', async ({ app, views }) => {
    test.setTimeout(300_000);
    await views.terminal.run(
      'export PS1="\\[\\e[1;32m\\]sandbox\\[\\e[0m\\]:\\[\\e[1;34m\\]\\w\\[\\e[0m\\]$ "; clear',
    );
    await writeProgram(views);
    await views.chat.importAndWait(await ensureSmallModel());
    await views.chat.chooseModel(/SmolLM2/);
    await views.chat.setTemperature('0');
    await views.chat.ask('Say in two sentences what a container is.');
    await views.chat.waitForAnswer();
    await views.chat.startConversation();
    await views.chat.ask('What is the capital of France? Answer with one sentence.');
    await expect(views.chat.lastAnswer).toContainText('Paris', { timeout: 90_000 });
    await views.chat.waitForAnswer();
    await views.chat.ask('Write a Python function that adds two numbers.');
    await expect(views.chat.answers).toHaveCount(2);
    await views.chat.waitForAnswer();
    await expect(views.dashboard.value('CPU')).toHaveText(/%/);
    await roomForCharts(app.page, views);
    await capture('workspace');
    if (readmePicture !== undefined) {
      await copyFile(join(folder, 'workspace-1280x800-dark.png'), readmePicture);
    }
    await views.chat.showConversations();
    await capture('workspace-conversations');
    await views.chat.hideConversations();
    await views.chat.openModels();
    await capture('models');
    await views.chat.closeModels();
    await views.terminal.newButton.click();
    await expect(views.terminal.tabs).toHaveCount(2);
    await views.terminal.waitForPrompt();
    await views.terminal.run('exit 3');
    await expect(views.terminal.endBar).toBeVisible();
    await capture('terminal-ended');
    await views.terminal.endBar.getByRole('button', { name: 'Close' }).click();
    await expect(views.terminal.tabs).toHaveCount(1);
    await views.dashboard.showLog();
    await capture('dashboard-log');
    await views.dashboard.showOverview();
    await views.window.command('Go to the dashboard');
    await app.page.getByRole('button', { name: 'Maximise the dashboard' }).click();
    await capture('dashboard');
    await app.page.getByRole('button', { name: 'Restore the dashboard' }).click();
    await views.window.show('Sandbox');
    await capture('sandbox');
    await views.window.hide('Sandbox');
  });

  test('with dialogs over it', async ({ app, views }) => {
    await views.settings.open();
    await capture('settings-appearance');
    await views.settings.showGroup('Sandbox');
    await capture('settings-sandbox');
    await views.settings.showGroup('Engine and build');
    await capture('settings-engine');
    await views.settings.showGroup('Browser access');
    await capture('settings-browser');
    await app.page.keyboard.press('Escape');
    await expect(views.settings.root).toBeHidden();
    await views.window.command('Keyboard shortcuts');
    await expect(app.page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
    await capture('shortcuts');
    await app.page.keyboard.press('Escape');
    await expect(app.page.getByRole('dialog')).toBeHidden();
    await app.page.keyboard.press('Control+Shift+P');
    await expect(app.page.getByPlaceholder('Type what you want to do…')).toBeVisible();
    await capture('palette');
    await app.page.keyboard.press('Escape');
  });

  test('with the sandbox stopped', async ({ views }) => {
    await views.window.stopSandbox();
    await views.window.waitForPhase('Stopped', 60_000);
    await capture('workspace-stopped');
  });
});

/** Where a window has too little room for everything, what matters has to be there, and nothing may lie over it. */
test.describe.serial('the embedded sandbox, on a phone and in low panes', () => {
  const noEngine = 'unix:///nonexistent/engine.sock';

  test.beforeAll(async ({ app }) => {
    const obstacle = await whyNoBubblewrap();
    test.skip(obstacle !== null, obstacle ?? '');
    await app.open({ dockerHost: noEngine, settings: { engineUrl: noEngine, sandboxPlace: 'embedded' } });
  });
  test.afterAll(async ({ app }) => {
    await app.quit();
  });

  test('each pane has its place on a phone, and the bar says whether the network is on', async ({
    app,
    views,
  }) => {
    await views.window.waitForPhase('Running');
    await views.terminal.waitForPrompt();
    for (const pane of ['Terminal', 'Chat', 'Dashboard', 'Sandbox'] as const) {
      await app.page.setViewportSize(phone);
      await views.window.show(pane);
      await expect(app.page.getByText('Network off', { exact: true })).toBeInViewport({ ratio: 1 });
      await captureAll(app, `phone-${pane.toLowerCase()}`, [phone]);
    }
  });

  test('the settings fit a phone', async ({ app, views }) => {
    await app.page.setViewportSize(phone);
    await app.page.getByRole('button', { name: 'Settings' }).click();
    await views.settings.showGroup('Browser access');
    await captureAll(app, 'phone-settings', [phone]);
    await app.page.keyboard.press('Escape');
    await expect(views.settings.root).toBeHidden();
  });

  test('the bar has room for everything at each width', async ({ app, views }) => {
    for (const width of [320, 560, 561, 720, 768, 860, 861, 1019, 1020]) {
      await app.page.setViewportSize({ width, height: 800 });
      await views.window.waitForPhase('Running');
      await settled(app.page);
      expect(await covered(app.page), `${width} wide`).toEqual([]);
      await expect(app.page.getByText('Network off', { exact: true })).toBeInViewport({ ratio: 1 });
    }
  });

  test('starter models scroll in a low pane, and leave the composer alone', async ({ app, views }) => {
    await app.page.setViewportSize({ width: 1280, height: 560 });
    await views.window.show('Sandbox');
    const offer = app.page.getByRole('region', { name: 'Starter models' });
    await expect(offer).toBeVisible();
    await settled(app.page);
    expect(await covered(app.page)).toEqual([]);
    const shownTo = await offer.evaluate((section) => {
      let scroller = section.parentElement;
      while (scroller && getComputedStyle(scroller).overflowY !== 'auto') scroller = scroller.parentElement;
      return scroller?.getBoundingClientRect().bottom ?? Infinity;
    });
    const composer = await app.page.getByRole('textbox', { name: 'Question' }).boundingBox();
    expect(shownTo).toBeLessThan(composer?.y ?? 0);
    const last = offer.getByRole('button', { name: /^Download / }).last();
    await last.scrollIntoViewIfNeeded();
    await last.click({ trial: true });
    expect(await covered(app.page)).toEqual([]);
  });
});

/** Moves the border between terminal and dashboard by the keyboard, and the charts into view. */
async function roomForCharts(page: Page, views: Views): Promise<void> {
  await page.setViewportSize(sizes[0]);
  await page.getByRole('separator', { name: 'Height of the panes' }).focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await views.dashboard
    .section('Container, last 5 minutes')
    .evaluate((section) => section.scrollIntoView({ block: 'start' }));
  await views.chat.question.focus();
}

/** Something to see in the terminal: a small program, written and run. */
async function writeProgram(views: Views): Promise<void> {
  await views.terminal.run('echo \'import platform; print("Python", platform.python_version())\' > about.py');
  await views.terminal.runAndExpect('python3 about.py', /Python 3\.\d+\.\d+/);
  await views.terminal.runAndExpect('ls --color -l / | tail -5', 'workspace');
  await views.terminal.runAndExpect('ollama --version', /version is/);
}

async function captureAll(
  app: SandboxApp,
  name: string,
  wanted: readonly { readonly width: number; readonly height: number }[] = sizes,
): Promise<void> {
  for (const theme of themes) {
    await setTheme(app.page, theme);
    for (const size of wanted) {
      await app.page.setViewportSize(size);
      await settled(app.page);
      const where = `${name} at ${size.width}×${size.height}`;
      expect(await overflow(app.page), where).toEqual([]);
      expect(await covered(app.page), where).toEqual([]);
      const file = `${name}-${size.width}x${size.height}-${theme.toLowerCase()}.png`;
      await app.page.screenshot({ path: join(folderOf(app), file), animations: 'disabled' });
    }
  }
  await app.page.setViewportSize(sizes[0]);
}

/** As the system's theme, which the app follows unless told otherwise; dialogs stay open over it. */
async function setTheme(page: Page, theme: (typeof themes)[number]): Promise<void> {
  await page.emulateMedia({ colorScheme: theme === 'Light' ? 'light' : 'dark' });
  await expect(page.locator('html')).toHaveAttribute('data-theme', theme.toLowerCase());
}

/** Observers of sizes have run, and what they changed is painted. */
function settled(page: Page): Promise<void> {
  return page.evaluate(
    () =>
      new Promise((resolve) => {
        requestAnimationFrame(() =>
          requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
        );
      }),
  );
}

/** What makes the page itself scroll, and the buttons whose words are cut off. */
function overflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) found.push(`the page is ${root.scrollWidth} wide`);
    if (root.scrollHeight > root.clientHeight) found.push(`the page is ${root.scrollHeight} high`);
    for (const button of document.querySelectorAll('button')) {
      const box = button.getBoundingClientRect();
      // One with a tooltip is shortened on purpose; one without words, such as a switch, may be hit around itself.
      if (box.width === 0 || button.title !== '' || button.textContent === '') continue;
      if (button.scrollWidth > button.clientWidth + 1) found.push(`cut off: ${button.textContent}`);
    }
    return found;
  });
}

/** What can be clicked and is in sight, but has something else lying over its middle. */
function covered(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const isCut = (element: Element, x: number, y: number) => {
      for (let above = element.parentElement; above; above = above.parentElement) {
        if (getComputedStyle(above).overflow === 'visible') continue;
        const box = above.getBoundingClientRect();
        if (x < box.left || x > box.right || y < box.top || y > box.bottom) return true;
      }
      return x < 0 || y < 0 || x > innerWidth || y > innerHeight;
    };
    const found: string[] = [];
    for (const element of document.querySelectorAll<HTMLElement>('button, textarea, input, [role="tab"]')) {
      const box = element.getBoundingClientRect();
      const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
      // What a dialog covers is hidden from everybody; a pixel is hidden from sight on purpose.
      if (box.width < 2 || element.closest('[aria-hidden="true"]') || isCut(element, x, y)) continue;
      const hit = document.elementFromPoint(x, y);
      if (hit && (element.contains(hit) || hit.contains(element))) continue;
      // Both go with the next key or touch: a tooltip, and the list of conversations in a pane that has no room beside it.
      if (hit?.closest('[data-radix-popper-content-wrapper]')?.querySelector('[role="tooltip"]')) continue;
      if (hit?.closest('[data-narrow] nav[aria-label="Conversations"]')) continue;
      const name = element.getAttribute('aria-label') ?? element.textContent;
      found.push(`${name} lies under ${hit?.outerHTML.slice(0, 80)}`);
    }
    return found;
  });
}
