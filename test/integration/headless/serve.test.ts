import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { doorPaths } from '../../../electron/contract';
import { localDoorPath, localHostClient } from '../../../electron/headless/local';
import { issueCertificate } from '../../support/certificates.mjs';
import { startHeadlessHost, type RunningHost } from '../../support/headless.mjs';

const program = join(__dirname, '../../../out/main/headless.cjs');
const noEngine = { ...process.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

/** What docs/cli.md promises of `serve --json` and of `--link --json`. */
const linkLine = z.strictObject({
  type: z.literal('link'),
  url: z.string(),
  expiresAtMs: z.number(),
  tunnelCommand: z.string().nullable(),
});
const openLine = z.strictObject({
  type: z.literal('open'),
  way: z.literal('browser'),
  origin: z.string(),
  url: z.string().nullable(),
  expiresAtMs: z.number().nullable(),
  tunnelCommand: z.string().nullable(),
  background: z.boolean(),
});

let dataFolder: string;
let host: RunningHost | undefined;
beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'lm-sandbox-serve-'));
});
afterEach(async () => {
  await host?.kill();
  host = undefined;
  await rm(dataFolder, { recursive: true });
});

async function start(...args: readonly string[]): Promise<RunningHost> {
  host = await startHeadlessHost({ dataFolder, args, env: noEngine });
  return host;
}

/** A run that ends by itself. */
function run(args: readonly string[], env: NodeJS.ProcessEnv = noEngine) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [program, '--data-folder', dataFolder, ...args], { env });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

const signIn = (link: string) => {
  const { origin, hash } = new URL(link);
  return fetch(origin + doorPaths.session, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: origin },
    body: JSON.stringify({ token: hash.replace('#token=', '') }),
  });
};

describe('the headless host, as it is built, under plain Node', () => {
  it('prints one link that signs in, and how to come through a tunnel', async () => {
    const { link, stdout, stderr } = await start();
    const { port } = new URL(link);
    expect(stdout().match(/#token=/g)).toHaveLength(1);
    await expect.poll(stdout).toContain(`ssh -N -L ${port}:127.0.0.1:${port} `);
    const answer = await signIn(link);
    expect(answer.status).toBe(201);
    const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const page = await fetch(`${new URL(link).origin}/`, { headers: { Cookie: cookie } });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('lm-sandbox is starting');
    expect(stderr()).not.toContain(new URL(link).hash.slice(7));
  });

  it('gives another link to whoever may read its data folder, and to nobody when it does not run', async () => {
    const none = await run(['--link']);
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringMatching(/No lm-sandbox host runs.*npm start -- --serve/),
    ]);
    const { link } = await start();
    const more = await run(['--link']);
    const second = /http\S+#token=\S+/.exec(more.stdout)?.[0] ?? '';
    expect(second).not.toBe(link);
    expect((await signIn(second)).status).toBe(201);
  });

  it('is refused its data folder by one that runs, with what to do instead', async () => {
    await start();
    const second = await run(['--port', '0']);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/Another lm-sandbox host runs for .*npm start -- --link/);
    expect(second.stdout).toBe('');
  });

  it('ends on SIGTERM with nothing left, and knows its browsers when it is started again', async () => {
    const first = await start();
    const answer = await signIn(first.link);
    const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const { port } = new URL(first.link);
    expect((await first.close()).left).toEqual([]);
    expect(await first.exited).toBe(0);
    expect(await localHostClient(localDoorPath(dataFolder))).toBeNull();
    host = await startHeadlessHost({ dataFolder, port: Number(port), env: noEngine });
    const again = await fetch(`http://127.0.0.1:${port}${doorPaths.session}`, {
      headers: { Cookie: cookie },
    });
    expect(again.status).toBe(204);
  });

  it('is started again after it was killed', async () => {
    const first = await start();
    await first.kill();
    expect((await signIn((await start()).link)).status).toBe(201);
  });

  it('goes on when whoever read along has gone', async () => {
    const child = spawn(process.execPath, [program, '--data-folder', dataFolder, '--port', '0'], {
      env: noEngine,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    child.stderr.destroy();
    const link = async () => /http\S+#token=\S+/.exec((await run(['--link'])).stdout)?.[0] ?? '';
    await expect.poll(link, { timeout: 20_000, interval: 200 }).not.toBe('');
    // Refused, which the host writes a line about.
    const { origin } = new URL(await link());
    expect((await fetch(`${origin}/index.html`)).status).toBe(401);
    expect((await signIn(await link())).status).toBe(201);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('puts no token into the journal of systemd', async () => {
    const child = spawn(process.execPath, [program, '--data-folder', dataFolder, '--port', '0'], {
      env: { ...noEngine, JOURNAL_STREAM: '8:12345' },
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    await expect.poll(() => stdout, { timeout: 20_000 }).toContain('npm start -- --link');
    expect(stdout).toContain('is open to browsers at http://127.0.0.1:');
    expect(stdout).not.toContain('#token=');
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('tells programs in lines of JSON where it is open, how a browser signs in, and that it has ended', async () => {
    const child = spawn(process.execPath, [program, '--data-folder', dataFolder, '--port', '0', '--json'], {
      env: { ...noEngine, JOURNAL_STREAM: undefined },
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    await expect.poll(() => stdout, { timeout: 20_000 }).toContain('\n');
    const opened = openLine.parse(JSON.parse(stdout));
    const { port } = new URL(opened.origin);
    expect(opened.tunnelCommand).toContain(`-L ${port}:127.0.0.1:${port} `);
    expect(opened.expiresAtMs).toBeGreaterThan(Date.now());
    expect((await signIn(opened.url ?? '')).status).toBe(201);
    const more = await run(['--link', '--json']);
    expect(more.stdout.trim().split('\n')).toHaveLength(1);
    const link = linkLine.parse(JSON.parse(more.stdout));
    expect(link.tunnelCommand).toBe(opened.tunnelCommand);
    expect((await signIn(link.url)).status).toBe(201);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(stdout.split('\n').slice(1)).toEqual(['{"type":"end","exitCode":0}', '']);
  });

  it('puts no token into the journal as JSON either', async () => {
    const child = spawn(process.execPath, [program, '--data-folder', dataFolder, '--port', '0', '--json'], {
      env: { ...noEngine, JOURNAL_STREAM: '8:12345' },
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    await expect.poll(() => stdout, { timeout: 20_000 }).toContain('\n');
    expect(openLine.parse(JSON.parse(stdout))).toMatchObject({ url: null, expiresAtMs: null });
    expect(stdout).not.toContain('token');
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('tells programs in JSON what it refuses, and ends with 2 for a wrong command line', async () => {
    const wrong = await run(['--json', '--prot', '80']);
    expect([wrong.code, wrong.stdout, JSON.parse(wrong.stderr)]).toMatchObject([
      2,
      '',
      { error: { code: 'invalid_input', message: expect.stringContaining('--prot') as string } },
    ]);
    const none = await run(['--link', '--json']);
    expect([none.code, JSON.parse(none.stderr)]).toMatchObject([
      1,
      { error: { code: 'not_found', repair: { command: 'npm start -- --serve' } } },
    ]);
    await start();
    const second = await run(['--port', '0', '--json']);
    expect([second.code, second.stdout, JSON.parse(second.stderr)]).toMatchObject([
      1,
      '',
      { error: { code: 'conflict', message: `Another lm-sandbox host runs for ${dataFolder}.` } },
    ]);
  });

  it('finds its data folder by the environment where the command line names none', async () => {
    const child = spawn(process.execPath, [program, '--port', '0', '--json'], {
      env: { ...noEngine, LM_SANDBOX_DATA_FOLDER: dataFolder },
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const local = await localHostClient(localDoorPath(dataFolder));
    expect(await local?.client.call('host.describe', null)).toMatchObject({ dataFolder });
    local?.close();
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('binds to other addresses than loopback with TLS and an explicit word only', async () => {
    const refused = await run(['--host', '0.0.0.0', '--allow-remote']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/needs TLS.*--tls-cert FILE/)]);
    const { certificate, key, authority } = await issueCertificate(['127.0.0.1']);
    const [certificateFile, keyFile] = [join(dataFolder, 'cert.pem'), join(dataFolder, 'key.pem')];
    await writeFile(certificateFile, certificate);
    await writeFile(keyFile, key);
    const { link } = await start(
      ...['--host', '0.0.0.0', '--tls-cert', certificateFile, '--tls-key', keyFile, '--allow-remote'],
    );
    expect(link).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/sign-in#token=/);
    const { port, origin, hash } = new URL(link);
    const answer = await new Promise<{ status: number; cookie: string }>((resolve, reject) => {
      const asking = httpsRequest(
        {
          host: '127.0.0.1',
          port,
          path: doorPaths.session,
          method: 'POST',
          ca: authority,
          headers: { Origin: origin, 'Content-Type': 'application/json' },
        },
        (response) => {
          response.resume();
          resolve({
            status: response.statusCode ?? 0,
            cookie: response.headers['set-cookie']?.[0] ?? '',
          });
        },
      );
      asking.on('error', reject);
      asking.end(JSON.stringify({ token: hash.replace('#token=', '') }));
    });
    expect(answer.status).toBe(201);
    expect(answer.cookie).toMatch(new RegExp(`^__Host-lm_sandbox_${port}=.*; SameSite=Strict; Secure;`));
  });

  it('keeps what it writes for its owner', async () => {
    const { link } = await start();
    await signIn(link);
    const sessions = await readFile(join(dataFolder, 'browser-sessions.json'), 'utf8');
    expect(sessions).not.toContain(new URL(link).hash.slice(7));
    expect(sessions).toContain('cookieHash');
  });
});
