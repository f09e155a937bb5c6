import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, type Browser, type Page } from '@playwright/test';
import { readPipSettings } from '../../../electron/adapters/starter/pip-settings';
import { makeBareSystem, type BareSystem, type Started } from '../../support/bare-system.mjs';
import { startBrowser } from '../../support/headless.mjs';
import { Unavailable } from '../../support/report.mjs';
import { ChatPane } from '../pages/chat-pane';
import { EmbeddedView } from '../pages/embedded-view';
import { TerminalPane } from '../pages/terminal-pane';
import { Window } from '../pages/window';

const firstStartLimitMs = 8 * 60_000;
const laterStartLimitMs = 60_000;
const link = /https?:\/\/\S+#token=\S+(?=\n)/;
const question = 'What is the capital of France?';
const pictures = join(__dirname, '../../../test-results/screenshots');

test.describe.configure({ mode: 'serial' });

let system: BareSystem;
let browser: Browser;
let started: Started;
let page: Page;

test.beforeAll(async () => {
  test.setTimeout(20 * 60_000);
  try {
    browser = await startBrowser();
    system = await makeBareSystem(readPipSettings(process.env));
  } catch (error) {
    if (error instanceof Unavailable) test.skip(true, error.message);
    throw error;
  }
});

// eslint-disable-next-line no-empty-pattern -- Playwright wants a pattern here
test.afterEach(async ({}, info) => {
  if (info.status === info.expectedStatus) return;
  await info.attach('output of npm start', { body: started.output(), contentType: 'text/plain' });
  const picture = await page.screenshot({ timeout: 10_000 }).catch(() => undefined);
  if (picture) await info.attach('page', { body: picture, contentType: 'image/png' });
});

test.afterAll(async () => {
  await browser?.close();
  await system?.dispose();
});

/** Opens the link that was printed, as a person does who copies it. */
async function open(limitMs: number): Promise<void> {
  const address = await started.waitFor(link, limitMs);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
  await page.goto(address);
}

async function expectAnswer(): Promise<void> {
  const chat = new ChatPane(page);
  await expect(chat.modelButton).toHaveAccessibleName(/SmolLM2/);
  await chat.setTemperature('0');
  await chat.ask(question);
  await chat.waitForAnswer();
  await expect(chat.lastAnswer).toContainText('Paris');
  await expect(chat.metrics).toContainText('tokens/s');
}

test.describe("with Debian's base and Node", () => {
  test('there is nothing else', async () => {
    const asked = [
      'python3',
      'pip',
      'git',
      'gcc',
      'make',
      'docker',
      'podman',
      'bwrap',
      'Xvfb',
      'curl',
      'wget',
    ];
    const { stdout } = await system.ask([
      'sh',
      '-c',
      `for name in sh node npm ${asked.join(' ')}; do command -v $name; done; ls /run /var/run/docker.sock 2>&1; env`,
    ]);
    expect(stdout).toContain('/usr/local/bin/node\n/usr/local/bin/npm\n');
    for (const name of asked) expect(stdout).not.toMatch(new RegExp(`/${name}$`, 'm'));
    expect(stdout).not.toContain('docker.sock\n/');
    expect(stdout).not.toMatch(/^(DISPLAY|WAYLAND_DISPLAY|DOCKER_HOST)=/m);
  });

  test('one command leads from the clone to the page', async () => {
    test.setTimeout(firstStartLimitMs + 60_000);
    started = system.start(['npm', 'start', '--', '--yes']);
    await open(firstStartLimitMs);
    await expect(new EmbeddedView(page).offer).toBeVisible();
    await page.screenshot({ path: join(pictures, 'bare-offer.png') });
  });

  test('the embedded sandbox is not isolated there, says so, and asks', async () => {
    const embedded = new EmbeddedView(page);
    await embedded.offer.click();
    await expect(embedded.state).toContainText('Not isolated');
    await expect(embedded.state).toContainText('sudo apt');
    await page.screenshot({ path: join(pictures, 'bare-not-isolated.png') });
    await embedded.state.getByRole('button', { name: 'Go on without isolation…' }).click();
    await embedded.question.getByRole('button', { name: 'Go on without isolation' }).click();
    await embedded.openWorkspaceButton.click();
    await new Window(page).waitForPhase('Running, not isolated');
  });

  test('a shell gives its prompt and what a command prints', async () => {
    const terminal = new TerminalPane(page);
    await terminal.waitForPrompt();
    await terminal.runAndExpect("echo $(id -un)''@$(hostname)", 'ada@box');
    await terminal.runAndExpect("grep -c ^ada: /etc/pas''swd && node -p '6*7'", '142');
  });

  test('SmolLM2 came by itself, after the yes of the command line, and answers', async () => {
    await expect(new ChatPane(page).modelButton).toHaveAccessibleName(/SmolLM2/, { timeout: 300_000 });
    await expectAnswer();
    await page.screenshot({ path: join(pictures, 'bare-answer.png') });
    await started.end();
  });
});

test.describe('with bubblewrap besides', () => {
  test('the second start is quick, and nothing is asked', async () => {
    await system.install(['bubblewrap', 'libcap2']);
    await rm(join(system.home, '.config', 'lm-sandbox'), { recursive: true });
    started = system.start(['npm', 'start']);
    await open(laterStartLimitMs);
    const embedded = new EmbeddedView(page);
    await embedded.offer.click();
    await expect(embedded.isolation).toContainText('Out of reach');
    await expect(embedded.state).not.toContainText('Not isolated');
    await embedded.openWorkspaceButton.click();
    await new Window(page).waitForPhase('Running');
  });

  test('a shell sees none of the person’s files', async () => {
    const terminal = new TerminalPane(page);
    await terminal.waitForPrompt();
    await terminal.runAndExpect("echo $(id -un)''@$(hostname):$PWD", 'sandbox@sandbox:/workspace');
    await terminal.runAndExpect("ls /home; test -e /home/ada || echo hid''den", 'hidden');
  });

  test('nothing is fetched before a click says so, and then SmolLM2 answers', async () => {
    expect(await readdir(join(system.home, '.config', 'lm-sandbox'))).not.toContain('models');
    await new ChatPane(page).root
      .getByRole('listitem')
      .filter({ hasText: 'SmolLM2 135M Instruct' })
      .getByRole('button', { name: /Download/ })
      .click();
    await expect(new ChatPane(page).modelButton).toHaveAccessibleName(/SmolLM2/, { timeout: 300_000 });
    await expectAnswer();
    await page.screenshot({ path: join(pictures, 'bare-embedded.png') });
  });

  test('a script runs a command there, and gets its output and its exit code', async () => {
    const command = ['sh', '-c', 'id -un; exit 7'];
    const { code, stdout } = await system.ask(['npx', '--no-install', 'lm-sandbox', 'run', '--', ...command]);
    expect(stdout).toBe('sandbox\n');
    expect(code).toBe(7);
    await started.end();
  });
});
