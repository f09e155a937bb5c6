import type { Engine } from '../support/engine.mjs';
import { ensureSandboxImage } from '../support/sandbox-image.mjs';
import { expect, test } from './fixtures';

/** Docker Engine 20.10, which knows no CDI and here has no NVIDIA Container Toolkit. */
test.describe('with Docker Engine 20.10', () => {
  let engine: Engine;

  test.beforeAll(async ({ app, engines }) => {
    test.setTimeout(900_000);
    engine = await engines('debian');
    await ensureSandboxImage(engine);
    await engine.docker(['rm', '--force', 'lm_container'], { allowFailure: true });
    await app.open({ dockerHost: engine.host });
  });
  test.afterAll(async ({ app }) => {
    await app.quit();
  });

  test('a GPU that it cannot give is refused with cause and repair, and nothing runs on the CPU instead', async ({
    views,
  }) => {
    await expect(views.setup.engine).toContainText('Docker Engine 20.10');
    await views.setup.gpuCard.click();
    await views.setup.createButton.click();
    const error = views.setup.errorOf(views.setup.sandbox).first();
    await expect(error).toContainText('the NVIDIA Container Toolkit is not installed', { timeout: 60_000 });
    await expect(error).toContainText('sudo apt-get install -y nvidia-container-toolkit');
    await expect(error).toContainText('choose to run on the CPU');
    await expect(views.setup.openWorkspaceButton).toBeHidden();
    const { stdout } = await engine.docker(['ps', '--format', '{{.Names}}']);
    expect(stdout.trim()).toBe('');
  });

  test('the CPU works when it is chosen', async ({ views }) => {
    await views.setup.createAndOpen('CPU');
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect('echo "sum $((20 + 10))"', 'sum 30');
    await expect(views.dashboard.section('GPU')).toContainText('No GPU');
    const { stdout } = await engine.docker([
      'inspect',
      '--format',
      '{{json .HostConfig.DeviceRequests}}',
      'lm_container',
    ]);
    expect(stdout.trim()).toMatch(/^(null|\[\])$/);
  });
});
