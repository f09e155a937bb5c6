import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../support/engine.mjs';
import { ensureSmallModel } from '../support/model.mjs';
import { ensureSandboxImage } from '../support/sandbox-image.mjs';
import { expect, test } from './fixtures';
import { findFreePort } from './sandbox-app';

/** A person must see it so soon. */
const noticedMs = 5_000;

/** What goes wrong outside of the app: each has a clear answer, and nothing is lost that need not be. */
test.describe('when something goes wrong', () => {
  let engine: Engine;
  let scratch: string;

  test.beforeAll(async ({ engines }) => {
    test.setTimeout(900_000);
    engine = await engines('modern');
    await ensureSandboxImage(engine);
    scratch = await mkdtemp(join(tmpdir(), 'lm-sandbox-faults-'));
  });
  const removeContainers = async () => {
    const { stdout } = await engine.docker(['ps', '--all', '--quiet']);
    const ids = stdout.split('\n').filter(Boolean);
    if (ids.length > 0) await engine.docker(['rm', '--force', ...ids]);
  };
  // What one test leaves, such as a model that is no model, is not for the next one or for another spec.
  const removeVolumes = () => engine.docker(['volume', 'rm', '--force', 'lm_workspace', 'lm_models']);
  test.beforeEach(async () => {
    await removeContainers();
    await removeVolumes();
  });
  test.afterAll(async ({ app }) => {
    await app.quit();
    await removeContainers();
    await removeVolumes();
    if (scratch) await rm(scratch, { recursive: true });
  });

  test('says that there is no engine and how to start one, and finds it by itself', async ({
    app,
    views,
  }) => {
    await engine.stopDaemon();
    try {
      await app.open({ dockerHost: engine.host });
      const error = views.setup.errorOf(views.setup.engine);
      await expect(error).toContainText(/No container engine listens|is not running/);
      await expect(error).toContainText('sudo systemctl start docker');
      await expect(views.setup.buildButton).toBeHidden();
    } finally {
      await engine.start();
    }
    await expect(views.setup.engine).toContainText('Docker Engine 28', { timeout: 60_000 });
    await expect(views.setup.createButton).toBeVisible();
  });

  test('says that the port is taken, and starts on another one', async ({ app, views }) => {
    const taken = createServer();
    await listen(taken);
    const address = taken.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    try {
      await app.open({ dockerHost: engine.host, settings: { hostPort: port } });
      await views.setup.cpuCard.click();
      await views.setup.createButton.click();
      const error = views.setup.errorOf(views.setup.sandbox);
      await expect(error).toContainText(/port .*(in use|taken)/i);
      await expect(error).toContainText('choose another port in the settings');
      await expect(views.setup.openWorkspaceButton).toBeHidden();

      const other = await findFreePort();
      await error.getByRole('button', { name: 'Open the settings' }).click();
      await views.settings.showGroup('Sandbox');
      await views.settings.field('Port on 127.0.0.1').fill(String(other));
      await views.settings.save();
      await views.setup.createButton.or(views.setup.startButton).click();
      await expect(views.setup.openWorkspaceButton).toBeVisible({ timeout: 90_000 });
      const { stdout } = await engine.docker(['port', 'lm_container']);
      expect(stdout.trim()).toBe(`8000/tcp -> 127.0.0.1:${other}`);
    } finally {
      taken.close();
    }
  });

  test('leaves a foreign container of the same name alone, and takes another name', async ({
    app,
    views,
  }) => {
    await engine.docker(['create', '--name', 'lm_container', 'lm-docker', 'true']);
    await app.open({ dockerHost: engine.host });
    await expect(views.setup.errorOf(views.setup.sandbox)).toContainText(
      'There is a container “lm_container” already, and this app did not make it.',
    );
    await views.setup.sandbox.getByRole('button', { name: 'Use this name' }).click();
    await views.setup.createAndOpen('CPU');
    const { stdout } = await engine.docker(['ps', '--all', '--format', '{{.Names}} {{.State}}']);
    expect(stdout.trim().split('\n').sort()).toEqual(['lm_container created', 'lm_container_2 running']);
  });

  test('refuses a file that is no model, and says why one that was cut off does not load', async ({
    app,
    views,
  }) => {
    await app.open({ dockerHost: engine.host });
    await views.setup.createAndOpen('CPU');
    const noise = join(scratch, 'noise.gguf');
    await writeFile(noise, randomBytes(300_000));
    await views.chat.openModels();
    await views.chat.importFile(noise);
    const errors = views.chat.models.getByRole('alert');
    await expect(errors.filter({ hasText: /not a GGUF|no GGUF/ }).first()).toBeVisible();

    const cut = join(scratch, 'cut.gguf');
    await copyBeginning(await ensureSmallModel(), cut, 3_000_000);
    await views.chat.importFile(cut);
    await expect(views.chat.modelRow('cut')).toBeVisible();
    await expect(views.chat.modelRow('noise')).toHaveCount(0);
    await views.chat.closeModels();
    await views.chat.chooseModel(/cut/);
    await views.chat.ask('Are you whole?');
    await expect(views.chat.lastAnswer.getByRole('alert')).toContainText('could not load cut');
    // The question is not lost.
    await expect(views.chat.questions).toContainText('Are you whole?');
  });

  test('says within seconds that the engine died under a shell and an answer, and recovers', async ({
    app,
    views,
  }) => {
    test.setTimeout(400_000);
    await app.open({ dockerHost: engine.host });
    await views.setup.createAndOpen('CPU');
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect('echo "work $((1 + 1))"', 'work 2');
    await views.chat.importAndWait(await ensureSmallModel());
    await views.chat.ask('Write a very long story about a lighthouse. Do not stop early.');
    await expect(views.chat.lastAnswer).toContainText(/\w+ \w+ \w+/, { timeout: 90_000 });

    await engine.kill();
    await expect(views.window.stateLine).toContainText(/engine/, { timeout: noticedMs });
    await expect(views.terminal.endBar).toContainText(/lost|broke/i, { timeout: noticedMs });
    await expect(views.chat.lastAnswer).toHaveAttribute('aria-busy', 'false', { timeout: noticedMs });
    await expect(views.chat.lastAnswer.getByRole('alert')).toBeVisible();
    // What was there stays in view; what is typed goes nowhere and says so.
    await expect(views.terminal.screen).toContainText('work 2');
    await expect(views.chat.question).toHaveAttribute('placeholder', /sandbox is not running/);

    await engine.start();
    await views.window.waitForPhase('Stopped', 60_000);
    await views.window.startSandbox();
    await views.window.waitForPhase('Running', 90_000);
    await expect(views.terminal.tabs).toHaveCount(2);
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect('echo "work $((1 + 2))"', 'work 3');
    // In a conversation of its own, with the likeliest tokens: the small model would else go on with its
    // endless story, or now and then fall into a loop that ends only with the context.
    await views.chat.startConversation();
    await views.chat.chooseModel(/SmolLM2/);
    await views.chat.setTemperature('0');
    await views.chat.ask('What is the capital of France? Answer with one sentence.');
    await expect(views.chat.metrics).toContainText('tokens/s', { timeout: 120_000 });
  });

  test('notices that the container was removed from outside, and makes a new one', async ({ app, views }) => {
    await app.open({ dockerHost: engine.host });
    await views.setup.createAndOpen('CPU');
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect('echo precious > kept.txt; echo done | tr a-z A-Z', 'DONE');
    await engine.docker(['rm', '--force', 'lm_container']);
    await expect(views.window.stateLine).toContainText('There is no sandbox yet.', { timeout: noticedMs });
    await expect(views.terminal.endBar).toBeVisible({ timeout: noticedMs });
    await views.window.stateLine.getByRole('button', { name: 'Set it up' }).click();
    await views.sandbox.root.getByRole('radio', { name: /CPU only/ }).click();
    await views.sandbox.root.getByRole('button', { name: 'Create and start' }).click();
    await views.window.waitForPhase('Running', 90_000);
    await expect(views.terminal.tabs).toHaveCount(2);
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect('tr a-z A-Z < kept.txt', 'PRECIOUS');
  });

  test('keeps shell and answer when the page crashes', async ({ app, views }) => {
    await app.open({ dockerHost: engine.host });
    await views.setup.createAndOpen('CPU');
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect('kept=$((40 + 2)); echo "before the cr""ash"', 'before the crash');
    await app.crashPage();
    await expect(views.terminal.screen).toContainText('before the crash');
    await views.terminal.runAndExpect('echo "kept is $kept"', 'kept is 42');
  });

  test('comes back when the host process is killed, and says that its shells are gone', async ({
    app,
    views,
  }) => {
    await app.open({ dockerHost: engine.host });
    await views.setup.createAndOpen('CPU');
    await views.terminal.waitForPrompt();
    const shells = async () => {
      const { stdout } = await engine.docker(['top', 'lm_container', '-eo', 'pid,args']);
      return [...stdout.matchAll(/^\s*(\d+) .*bash -l$/gm)].map((match) => match[1]);
    };
    const before = await shells();
    expect(before).toHaveLength(1);
    await app.killHost();
    // None of it is left in the container, where nobody could reach it any more.
    await expect.poll(shells, { timeout: noticedMs }).not.toEqual(expect.arrayContaining(before));
    await views.window.waitForPhase('Running', 30_000);
    await expect(views.terminal.error).toContainText('the shell that was open is gone');
    await views.terminal.error.getByRole('button', { name: 'New terminal' }).click();
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect('echo "back $((1 + 1))"', 'back 2');
  });
});

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

async function copyBeginning(from: string, to: string, bytes: number): Promise<void> {
  const file = await open(from);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
    await writeFile(to, buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}
