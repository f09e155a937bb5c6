import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { whyNoBubblewrap } from '../integration/embedded/harness';
import { expect, test } from './fixtures';
import { EmbeddedView } from './pages/embedded-view';
import { findFreePort } from './sandbox-app';

const noEngine = 'unix:///nonexistent/engine.sock';
const pictures = join(__dirname, '../../test-results/screenshots');

test.describe.configure({ mode: 'serial' });

test.describe('without an engine', () => {
  test.beforeAll(async ({ app }) => {
    const obstacle = await whyNoBubblewrap();
    test.skip(obstacle !== null, obstacle ?? '');
    await mkdir(pictures, { recursive: true });
    const localApiPort = await findFreePort();
    await app.open({ dockerHost: noEngine, settings: { engineUrl: noEngine, theme: 'light', localApiPort } });
  });

  test('the set-up offers the embedded sandbox, and leads to a prompt', async ({ app, views }) => {
    const embedded = new EmbeddedView(app.page);
    await expect(views.setup.heading).toBeVisible();
    await app.page.screenshot({ path: join(pictures, 'embedded-offer.png') });
    await embedded.offer.click();
    await expect(embedded.isolation).toContainText('Out of reach');
    await app.page.screenshot({ path: join(pictures, 'embedded-ready.png') });
    await embedded.openWorkspaceButton.click();
    await views.window.waitForPhase('Running');
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect("echo $(id -un)''@$(hostname):$PWD", 'sandbox@sandbox:/workspace');
    await app.page.screenshot({ path: join(pictures, 'embedded-terminal.png') });
  });

  test('programs inside see their own files and none of the person', async ({ app, views }) => {
    await views.terminal.runAndExpect(
      `ls '${app.dataFolder}' /root /home/$USER 2>&1 | tail -1; echo ready > file; echo wri''tten`,
      'written',
    );
    const folder = join(app.dataFolder, 'embedded', 'workspace');
    expect(await readdir(folder)).toContain('file');
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('ready\n');
    await views.terminal.runAndExpect(`test -e '${app.dataFolder}' || echo not''here`, 'nothere');
  });

  test('the dashboard shows this computer', async ({ app, views }) => {
    await views.window.show('Dashboard');
    const computer = app.page.getByRole('region', { name: 'This computer, last 5 minutes' });
    await expect(computer).toContainText('Processes in the sandbox');
    await expect(app.page.getByRole('region', { name: 'Sandbox' }).first()).toBeVisible();
    await app.page.screenshot({ path: join(pictures, 'embedded-dashboard.png') });
  });

  test('the API is one switch away, and runs commands inside for whoever has the token', async ({
    app,
    views,
  }) => {
    test.setTimeout(240_000);
    const embedded = new EmbeddedView(app.page);
    await views.window.show('Sandbox');
    await embedded.apiSwitch.click();
    await expect(embedded.api).toContainText('Running', { timeout: 180_000 });
    await embedded.api.getByRole('button', { name: 'Show the token' }).click();
    await expect(embedded.apiToken).not.toBeEmpty();
    await app.page.screenshot({ path: join(pictures, 'embedded-api.png') });
    const [address, token] = [await embedded.apiAddress.innerText(), await embedded.apiToken.innerText()];
    const ask = (authorization: string) =>
      fetch(`${address.trim()}/run-bash/`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ cmd: 'id -un; pwd; cat file' }),
      });
    expect(await (await ask(`Bearer ${token.trim()}`)).json()).toMatchObject({
      output: 'sandbox\n/workspace\nready\n',
    });
    expect((await ask('Bearer wrong')).status).toBe(401);
    await embedded.apiSwitch.click();
    await expect(embedded.apiSwitch).not.toBeChecked();
    await expect(ask(`Bearer ${token.trim()}`)).rejects.toThrow();
  });

  test('switching the network asks, and starts the sandbox anew', async ({ app, views }) => {
    const embedded = new EmbeddedView(app.page);
    await views.window.show('Sandbox');
    await expect(embedded.network).not.toBeChecked();
    await embedded.network.click();
    await expect(embedded.question).toContainText('is ended');
    await embedded.question.getByRole('button', { name: 'Switch on' }).click();
    await expect(embedded.network).toBeChecked();
    await expect(views.terminal.tabs.first()).toContainText('stopped');
  });

  test('it comes back with the app, and its files with it', async ({ app, views }) => {
    await app.reopen();
    await views.window.waitForPhase('Running');
    await views.terminal.waitForPrompt();
    await views.terminal.runAndExpect('cat file', 'ready');
  });

  test('a container is one click away, and no program is left behind', async ({ app, views }) => {
    const embedded = new EmbeddedView(app.page);
    await views.terminal.runAndExpect("sleep 4711 & echo be''gun", 'begun');
    await views.window.show('Sandbox');
    await embedded.containerButton.click();
    await embedded.question.getByRole('button', { name: 'Change' }).click();
    await expect(app.page.getByRole('heading', { name: 'Set up the sandbox' })).toBeVisible();
    const alive: string[] = [];
    for (const name of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
      const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      if (command === 'sleep\x004711\x00') alive.push(name);
    }
    expect(alive).toEqual([]);
  });
});
