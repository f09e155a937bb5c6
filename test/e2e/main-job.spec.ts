import { ensureExtraCertificates } from '../support/certificates.mjs';
import { CHATML_TEMPLATE, ensureSmallModel } from '../support/model.mjs';
import { startModelRegistry, type ModelRegistry } from '../support/registry.mjs';
import { ensureBaseImage } from '../support/base-image.mjs';
import type { Engine } from '../support/engine.mjs';
import { expect, test } from './fixtures';
import { callGateway } from './gateway';

const smallModel = /SmolLM2-135M/;

/** From nothing to an answer and back again, on one sandbox with the simulated GPU of Engine 28. */
test.describe.serial('the main job', () => {
  let engine: Engine;
  let registry: ModelRegistry | undefined;

  test.beforeAll(async ({ app, engines }) => {
    test.setTimeout(900_000);
    engine = await engines('modern');
    await ensureBaseImage(engine);
    await engine.docker(['rm', '--force', 'lm_container'], { allowFailure: true });
    await engine.docker(['volume', 'rm', 'lm_workspace', 'lm_models'], { allowFailure: true });
    // So that the image is missing; steps that the engine has built before stay in its cache.
    await engine.docker(['image', 'rm', '--no-prune', 'lm-docker'], { allowFailure: true });
    await app.open({
      dockerHost: engine.host,
      settings: { extraCertificatesFolder: await ensureExtraCertificates() },
    });
  });

  test.afterAll(async ({ app }) => {
    await app.quit();
    await registry?.stop();
  });

  test('begins with an engine that was found and an image that is missing', async ({ views }) => {
    await expect(views.setup.heading).toBeVisible();
    await expect(views.setup.engine).toContainText(/Docker Engine 28\.\d+\.\d+.* · DOCKER_HOST/);
    await expect(views.setup.image).toContainText('lm-docker is not built yet');
    await expect(views.setup.createButton).toBeHidden();
  });

  test('builds the image with its progress and its steps in view', async ({ views }) => {
    test.setTimeout(2_400_000);
    const notes = await views.setup.noteBuild();
    await views.setup.buildButton.click();
    await expect(views.setup.image).toContainText(/lm-docker(:latest)? · [\d.]+ [MG]iB/, {
      timeout: 2_300_000,
    });
    const { progress, steps } = await notes.read();
    expect(progress).toContainEqual(expect.stringMatching(/^\d+ of \d+ steps/));
    expect(steps).toContainEqual(expect.stringContaining('llama-cpp-${LLAMA_CPP_SOURCE}.sh'));
    expect(steps.length).toBeGreaterThan(30);
    await expect(views.setup.createButton).toBeVisible();
  });

  test('starts the sandbox on the GPU that the engine offers, and its parts become ready', async ({
    views,
  }) => {
    await expect(views.setup.gpuCard).toContainText('CDI');
    await views.setup.gpuCard.click();
    await views.setup.createButton.click();
    for (const part of ['Gateway', 'Ollama', 'llama.cpp']) {
      await expect(views.setup.parts.getByRole('listitem').filter({ hasText: part })).toContainText('ready', {
        timeout: 120_000,
      });
    }
    await views.setup.openWorkspaceButton.click();
    await expect(views.setup.heading).toBeHidden();
    await views.window.waitForPhase('Running');
    const { stdout } = await engine.docker([
      'inspect',
      '--format',
      '{{json .HostConfig.DeviceRequests}}',
      'lm_container',
    ]);
    expect(stdout).toContain('nvidia.com/gpu=all');
  });

  test('opens a shell in the sandbox by itself, where a command echoes', async ({ views }) => {
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect('echo "7 times 6 is $((7 * 6))"', '7 times 6 is 42');
    await views.terminal.runAndExpect('id -un; pwd', /sandbox\s*\/workspace/);
    await views.terminal.runAndExpect('nvidia-smi -L', 'Simulated GPU');
  });

  test('tells the shell its new size when the window changes', async ({ app, views }) => {
    await app.page.setViewportSize({ width: 1280, height: 800 });
    const before = await views.terminal.sizeInShell();
    await app.page.setViewportSize({ width: 1600, height: 1000 });
    await expect(async () => {
      const after = await views.terminal.sizeInShell();
      expect(after.columns).toBeGreaterThan(before.columns);
      expect(after.rows).toBeGreaterThan(before.rows);
    }).toPass({ timeout: 30_000 });
    await app.page.setViewportSize({ width: 1280, height: 800 });
  });

  test('shows the exit code of a shell that has ended', async ({ views }) => {
    await views.terminal.newButton.click();
    await expect(views.terminal.tabs).toHaveCount(2);
    await views.terminal.waitForPrompt();
    await views.terminal.run('exit 3');
    await expect(views.terminal.endBar).toContainText('The shell has ended with exit code 3.');
    await expect(views.terminal.tabs.last()).toContainText('exit 3');
    await views.terminal.endBar.getByRole('button', { name: 'Close' }).click();
    await expect(views.terminal.tabs).toHaveCount(1);
  });

  test('imports a GGUF file, and llama-server streams an answer from it', async ({ views }) => {
    test.setTimeout(300_000);
    await views.chat.importAndWait(await ensureSmallModel());
    await views.chat.chooseModel(smallModel);
    await views.chat.setTemperature('0');
    await views.chat.ask('What is the capital of France? Answer with one sentence.');
    await expect(views.chat.questions.last()).toContainText('capital of France');
    await expect(views.chat.lastAnswer).toContainText('Paris', { timeout: 120_000 });
    await views.chat.waitForAnswer();
    await expect(views.chat.metrics).toContainText(/[\d.]+ tokens\/s · .+ to first token · \d+ tokens/);
    await expect(views.chat.metrics).toContainText('llama.cpp');
  });

  test('shows a long answer as it grows, and stopping it frees the slot', async ({ app, views }) => {
    test.setTimeout(300_000);
    await views.chat.startConversation();
    await views.chat.ask('Write a very long story about a dragon who learns to cook. Do not stop early.');
    const lengths: number[] = [];
    await expect(async () => {
      const text = await views.chat.lastAnswer.innerText();
      if (!text.includes('Waiting for the first token')) lengths.push(text.length);
      expect(new Set(lengths).size).toBeGreaterThanOrEqual(5);
    }).toPass({ timeout: 120_000, intervals: [50] });
    expect(lengths).toEqual([...lengths].sort((left, right) => left - right));
    expect(await isSlotBusy(engine, app.hostPort)).toBe(true);
    await views.chat.stopButton.click();
    await views.chat.waitForAnswer(10_000);
    await expect(views.chat.metrics).toContainText('stopped');
    await expect.poll(() => isSlotBusy(engine, app.hostPort), { timeout: 5_000 }).toBe(false);
  });

  test('pulls a model from a registry with Ollama, with progress, and chats with it', async ({ views }) => {
    test.setTimeout(400_000);
    registry = await startModelRegistry({ address: engine.hostAddress, bytesPerSecond: 6_000_000 });
    const name = await registry.publish({
      name: 'library/smollm2',
      file: await ensureSmallModel(),
      template: CHATML_TEMPLATE,
    });
    await views.chat.openModels();
    await views.chat.models.getByRole('textbox', { name: 'Name' }).fill(name);
    await views.chat.models.getByRole('button', { name: 'Pull', exact: true }).click();
    const bar = views.chat.models.getByRole('progressbar', { name: `Pull ${name}` });
    await expect(bar).toHaveAttribute('aria-valuetext', /[\d.]+ MiB of [\d.]+ MiB.* · .*\/s/, {
      timeout: 60_000,
    });
    const shares = new Set<number>();
    await expect(async () => {
      shares.add(Number(await bar.getAttribute('aria-valuenow')));
      expect(shares.size).toBeGreaterThanOrEqual(4);
    }).toPass({ timeout: 60_000, intervals: [100] });
    expect([...shares]).toEqual([...shares].sort((left, right) => left - right));
    registry.setThrottle(undefined);
    await expect(views.chat.modelRow(/smollm2:latest/)).toBeVisible({ timeout: 120_000 });
    await views.chat.closeModels();

    await views.chat.startConversation();
    await views.chat.chooseModel(/smollm2:latest/);
    await views.chat.ask('What is the capital of Italy? Answer with one sentence.');
    await expect(views.chat.lastAnswer).toContainText('Rome', { timeout: 180_000 });
    await views.chat.waitForAnswer();
    await expect(views.chat.metrics).toContainText(/tokens\/s/);
    await expect(views.chat.metrics).toContainText('Ollama');
  });

  test('shows on the dashboard what the sandbox uses, with the simulated GPU named as such', async ({
    views,
  }) => {
    await expect(views.dashboard.gpu()).toContainText('Simulated GPU');
    const processor = views.dashboard.value('CPU');
    await expect(processor).toHaveText(/^[\d.]+ ?%$/);
    const seen = new Set<string>();
    await views.terminal.run('timeout 20 sh -c "while :; do :; done" &');
    await expect(async () => {
      seen.add(await processor.innerText());
      expect(seen.size).toBeGreaterThanOrEqual(3);
    }).toPass({ timeout: 30_000 });
    await expect(views.dashboard.value('Memory')).toHaveText(/[\d.]+ [MG]iB/);
    await views.dashboard.showLog();
    await expect(views.dashboard.log).toContainText(/gateway|llama|ollama/i);
    await views.dashboard.showOverview();
  });

  test('keeps the running shell and its text over a reload of the page', async ({ app, views }) => {
    await views.terminal.run('clear');
    await views.terminal.runAndExpect('kept=$((40 + 2)); echo "before the rel""oad"', 'before the reload');
    await app.page.reload();
    await expect(views.terminal.screen).toContainText('before the reload');
    await expect(views.terminal.tabs).toHaveCount(1);
    await views.terminal.runAndExpect('echo "kept is $kept"', 'kept is 42');
  });

  test('stops and starts, and is recreated for the CPU, with the files of the workspace kept', async ({
    views,
  }) => {
    test.setTimeout(300_000);
    await views.terminal.runAndExpect('echo precious > notes.txt && cat notes.txt | tr a-z A-Z', 'PRECIOUS');
    await views.window.stopSandbox();
    await views.window.waitForPhase('Stopped', 60_000);
    await expect(views.terminal.endBar).toBeVisible();
    await views.window.startSandbox();
    await views.window.waitForPhase('Running', 90_000);
    await expect(views.terminal.tabs).toHaveCount(2);
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect('tr a-z A-Z < notes.txt', 'PRECIOUS');

    const before = (await engine.docker(['inspect', '--format', '{{.Id}}', 'lm_container'])).stdout;
    await views.window.show('Sandbox');
    await views.sandbox.recreate('CPU');
    await expect
      .poll(
        async () =>
          (await engine.docker(['inspect', '--format', '{{.Id}}', 'lm_container'], { allowFailure: true }))
            .stdout,
        { timeout: 60_000 },
      )
      .not.toBe(before);
    await views.window.waitForPhase('Running', 90_000);
    await expect(views.sandbox.fact('Models run on')).toHaveText('CPU');
    await expect(views.dashboard.section('GPU')).toContainText('No GPU');
    await expect(views.terminal.tabs).toHaveCount(3);
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect('tr a-z A-Z < notes.txt', 'PRECIOUS');
    await views.window.hide('Sandbox');
  });

  test('finds conversations and models again after the app was quit and started', async ({ app, views }) => {
    expect(await app.quit()).toEqual([]);
    await app.reopen();
    await views.window.waitForPhase('Running', 60_000);
    await views.chat.showConversations();
    await expect(views.chat.conversations).toHaveCount(3);
    await views.chat.conversations
      .filter({ hasText: /capital of France/i })
      .getByRole('button')
      .first()
      .click();
    await expect(views.chat.questions).toContainText('What is the capital of France?');
    await expect(views.chat.lastAnswer).toContainText('Paris');
    await views.chat.ask('And of Spain?');
    await expect(views.chat.answers).toHaveCount(2);
    await views.chat.waitForAnswer();
    await expect(views.chat.metrics).toContainText('tokens/s');
  });
});

async function isSlotBusy(engine: Engine, hostPort: number): Promise<boolean> {
  const text = await callGateway(engine, hostPort, '/llama-cpp/slots?model=SmolLM2-135M-Instruct.Q4_1');
  return /"is_processing":\s*true/.test(text);
}
