import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { LocalApiStatus } from '../../../electron/contract';
import { localDoorPath, localHostClient } from '../../../electron/headless/local';
import type { HostClient } from '../../../electron/rpc/client-types';
import { startHeadlessHost, type RunningHost } from '../../support/headless.mjs';
import { run as runProgram } from '../../support/process.mjs';
import { asUser, give, ordinaryUserId, whyNoBubblewrap } from '../embedded/harness';
import { freePort, gatewaysOf, leaving, nextMark, sleepers } from './programs';

/** As most people have it: the app is not root, and the gateway and its commands are the person. */
const obstacle = await whyNot();

async function whyNot(): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'the other suites run as an ordinary user already';
  const missing = await whyNoBubblewrap();
  if (missing !== null) return missing;
  // The whole way to it has to be open to others.
  const look = `require('fs').accessSync(${JSON.stringify(join(__dirname, '../../../out/main/headless.cjs'))})`;
  const { code } = await runProgram(
    'setpriv',
    [...asUser(ordinaryUserId).slice(1), process.execPath, '-e', look],
    { allowFailure: true, cwd: '/' },
  );
  return code === 0 ? null : 'another user cannot read this checkout, its build or this Node';
}

const answerSchema = z.looseObject({
  output: z.string(),
  exit_code: z.number().nullable(),
  timed_out: z.boolean(),
});

describe.skipIf(obstacle !== null)(
  `the API of the embedded sandbox for an ordinary user${obstacle === null ? '' : ` (skipped: ${obstacle})`}`,
  () => {
    let dataFolder: string;
    let home: string;
    let host: RunningHost;
    let local: NonNullable<Awaited<ReturnType<typeof localHostClient>>>;
    let client: typeof local.client;
    let address: string;
    let token: string;

    beforeAll(async () => {
      dataFolder = await mkdtemp(join(tmpdir(), 'lm-sandbox-api-user-'));
      home = await mkdtemp(join(tmpdir(), 'lm-sandbox-api-home-'));
      const settings = {
        ...{ sandboxPlace: 'embedded', localApi: true, localApiPort: await freePort() },
        engineUrl: 'unix:///nonexistent/engine.sock',
      };
      await writeFile(join(dataFolder, 'settings.json'), JSON.stringify({ version: 1, settings }));
      await mkdir(join(home, '.cache'));
      await give(dataFolder, ordinaryUserId);
      await give(home, ordinaryUserId);
      host = await startHeadlessHost({
        ...{ dataFolder, userId: ordinaryUserId },
        // The first Python of the person's path may be one of root's own.
        env: { ...process.env, HOME: home, USER: 'ordinary', PATH: '/usr/local/bin:/usr/bin:/bin' },
      });
      const connected = await localHostClient(localDoorPath(dataFolder));
      if (!connected) throw new Error('The host is not there.');
      local = connected;
      client = connected.client;
      const status = await settledApi(client);
      expect(status).toMatchObject({ state: 'running', isolation: 'bubblewrap', error: null });
      address = status.address ?? '';
      token = (await client.call('localApi.token', null)).token;
    });
    afterAll(async () => {
      local.close();
      expect((await host.close()).left).toEqual([]);
      for (const folder of [dataFolder, home]) await rm(folder, { recursive: true, force: true });
    });

    const call = (path: string, method: string, body: string, type = 'application/json') =>
      fetch(address + path, {
        ...{ method, body },
        headers: { 'Content-Type': type, Authorization: `Bearer ${token}` },
      });
    const post = (path: string, body: unknown) => call(path, 'POST', JSON.stringify(body));
    const run = async (cmd: string, more: object = {}) =>
      answerSchema.parse(await (await post('/run-bash/', { cmd, ...more })).json());

    it('runs as that user, who alone can read the token', async () => {
      const [gateway = ''] = await gatewaysOf(dataFolder);
      expect((await stat(`/proc/${gateway}/status`)).isFile()).toBe(true);
      expect(await readFile(`/proc/${gateway}/status`, 'utf8')).toMatch(
        new RegExp(`^Uid:\\t${ordinaryUserId}\\t`, 'm'),
      );
      const file = await stat(join(dataFolder, 'api-token'));
      expect([file.uid, file.mode & 0o777]).toEqual([ordinaryUserId, 0o600]);
      const status = await client.call('embedded.status', null);
      expect(status.isolation).toMatchObject({ kind: 'bubblewrap', user: 'own' });
    });

    it('runs commands in the sandbox, out of reach of the token and the home of the person', async () => {
      expect(await run('id -un; pwd; cat')).toMatchObject({ output: 'sandbox\n/workspace\n', exit_code: 0 });
      for (const attempt of [
        `cat ${dataFolder}/api-token`,
        `ls ${home}`,
        `grep -l '[l]m_gateway' /proc/[0-9]*/cmdline`,
        `exec 3<> /dev/tcp/127.0.0.1/${new URL(address).port}`,
      ]) {
        const answer = await run(attempt);
        expect([answer.exit_code === 0, answer.output], attempt).toEqual([false, '']);
      }
    });

    it('shares files of the workspace with commands, as files of that user', async () => {
      expect((await call('/files/notes/a.txt?parents=true', 'PUT', 'one\n', 'text/plain')).status).toBe(201);
      expect((await run('echo two >> notes/a.txt; cat notes/a.txt; touch made')).output).toBe('one\ntwo\n');
      const { workspace } = await client.call('embedded.status', null);
      for (const name of ['notes', 'notes/a.txt', 'made']) {
        expect((await stat(join(workspace.folder, name))).uid, name).toBe(ordinaryUserId);
      }
    });

    it.each(Object.entries(leaving))('leaves nothing alive after a time-out: %s', async (_name, script) => {
      const own = nextMark();
      const answer = await run(script.replaceAll('MARK', own), { timeout_s: 0.7 });
      expect(answer.timed_out).toBe(true);
      expect(await sleepers(own)).toEqual([]);
    });

    it('counts what runs, and ends it with the sandbox', async () => {
      const own = nextMark();
      const asked = post('/run-bash/', { cmd: `setsid sleep ${own} & sleep 60` }).catch(() => null);
      await expect.poll(() => sleepers(own), { timeout: 10_000 }).not.toEqual([]);
      await expect
        .poll(async () => (await client.call('embedded.status', null)).running, { timeout: 10_000 })
        .toBe(1);
      await client.call('embedded.stop', null);
      expect(await sleepers(own)).toEqual([]);
      expect(await gatewaysOf(dataFolder)).toEqual([]);
      expect((await client.call('embedded.status', null)).running).toBe(0);
      await asked;
    });
  },
);

/** How the API is when it has started, or has failed to. */
function settledApi(client: HostClient): Promise<LocalApiStatus> {
  return new Promise((resolve, reject) => {
    const look = (status: LocalApiStatus) => {
      if (status.state === 'running' || status.state === 'failed') resolve(status);
    };
    client.on('localApi.changed', look);
    client.call('localApi.status', null).then(look, reject);
  });
}
