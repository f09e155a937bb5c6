import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { countInside, createEmbeddedRuntime } from '../../../electron/adapters/bubblewrap';
import { createLocalGateway } from '../../../electron/adapters/local-gateway';
import { createLocalPtyLauncher } from '../../../electron/adapters/pty/local-pty';
import type { LocalApiStatus } from '../../../electron/contract';
import { EmbeddedService } from '../../../electron/services/embedded';
import { FakeSettings } from '../../../electron/services/embedded/embedded-service.fakes';
import { silentLogger, systemClock } from '../../../electron/services/foundation';
import { LocalApiService } from '../../../electron/services/local-api';
import { describeWithBubblewrap } from '../embedded/with-bubblewrap';
import { freePort, gatewaysOf, leaving, nextMark, sleepers } from './programs';

interface Bench {
  readonly service: LocalApiService;
  readonly embedded: EmbeddedService;
  readonly settings: FakeSettings;
  readonly dataFolder: string;
  readonly seen: LocalApiStatus[];
  readonly log: string[];
  token(): Promise<string>;
  address(): string;
  remove(): Promise<void>;
}

/** The API as a host makes it. `withoutBubblewrap`: on a computer that has none, after the person's yes. */
async function makeBench({ withoutBubblewrap = false } = {}): Promise<Bench> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'lm-sandbox-api-'));
  const port = await freePort();
  const settings = new FakeSettings({
    ...{ sandboxPlace: 'embedded', embeddedWithoutIsolation: withoutBubblewrap },
    ...{ localApi: true, localApiPort: port },
  });
  const runtime = createEmbeddedRuntime({
    ...{ dataFolder, env: process.env },
    ...(withoutBubblewrap ? { program: null } : {}),
  });
  const embedded = new EmbeddedService({
    ...{ settings, runtime, ptys: createLocalPtyLauncher() },
    ...{ clock: systemClock, logger: silentLogger },
  });
  const log: string[] = [];
  const service = new LocalApiService({
    ...{ settings, embedded, models: null, clock: systemClock, logger: silentLogger },
    runtime: createLocalGateway({
      ...{ dataFolder, appVersion: '0.0.0', modelSocket: join(dataFolder, 'run', 'embedded-llm.sock') },
      dockerFolder: resolve('docker'),
      env: process.env,
      log: (line) => log.push(line),
    }),
  });
  const seen: LocalApiStatus[] = [];
  service.onChanged.on((status) => seen.push(status));
  return {
    ...{ service, embedded, settings, dataFolder, seen, log },
    token: () => service.token(),
    address: () => {
      const { address, error } = service.status();
      if (address === null) throw new Error(error?.message ?? 'not running');
      return address;
    },
    remove: async () => {
      await service.dispose();
      await embedded.dispose();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}

async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function until({ service }: Bench, state: LocalApiStatus['state']): Promise<LocalApiStatus> {
  return new Promise((found, reject) => {
    if (service.status().state === state) found(service.status());
    const stop = service.onChanged.on((status) => {
      if (status.state !== state && status.state !== 'failed') return;
      stop();
      if (status.state === state) found(status);
      else reject(new Error(`It failed: ${status.error?.message ?? ''}`));
    });
  });
}

interface Answer {
  readonly output: string;
  readonly error: string;
  readonly exit_code: number | null;
  readonly timed_out: boolean;
}

async function call(bench: Bench, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('Authorization', `Bearer ${await bench.token()}`);
  return fetch(bench.address() + path, { ...init, headers });
}

const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});

async function run(bench: Bench, cmd: string, more: Record<string, unknown> = {}): Promise<Answer> {
  const response = await call(bench, '/run-bash/', json({ cmd, ...more }));
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

describeWithBubblewrap('the API of the embedded sandbox', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await makeBench();
    await until(bench, 'running');
  });
  afterAll(() => bench.remove());

  it('made a Python environment with progress before it ran', () => {
    const steps = bench.seen.flatMap(({ progress }) => (progress ? [progress.step] : []));
    expect(steps[0]).toBe('Making a Python environment');
    expect(steps.some((step) => step.startsWith('Fetching '))).toBe(true);
    expect(steps.at(-1)).toBe('Installing');
    expect(bench.service.status()).toMatchObject({ state: 'running', isolation: 'bubblewrap', error: null });
  });

  it('lets nobody in without the token, which only its owner can read', async () => {
    const { tokenFile } = bench.service.status();
    expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);
    const body = json({ cmd: 'true' });
    expect((await fetch(`${bench.address()}/run-bash/`, body)).status).toBe(401);
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${'0'.repeat(64)}` };
    expect((await fetch(`${bench.address()}/run-bash/`, { ...body, headers })).status).toBe(401);
    expect((await readFile(tokenFile, 'utf8')).trim()).toBe(await bench.token());
  });

  it('says that commands are isolated and that Ollama is not there', async () => {
    const health: unknown = await (await call(bench, '/health')).json();
    expect(health).toMatchObject({
      isolation: 'bubblewrap',
      warnings: [],
      parts: { ollama: { state: 'absent' } },
    });
    const answer = await call(
      bench,
      '/v1/chat/completions',
      json({ model: 'ollama/x', messages: [{ role: 'user', content: 'Hello' }] }),
    );
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringContaining('Ollama is not part of this sandbox'),
    ]);
  });

  it('runs a command with its input, its variables, both outputs and its exit code', async () => {
    const answer = await run(bench, 'cat; pwd; echo "$GREETING" >&2; exit 9', {
      stdin: 'in\n',
      env: { GREETING: 'grüße' },
    });
    expect(answer).toMatchObject({ output: 'in\n/workspace\n', error: 'grüße\n', exit_code: 9 });
    expect(await run(bench, 'kill -9 $$')).toMatchObject({ exit_code: 137, error: '' });
  });

  it('streams while a command runs', async () => {
    const response = await call(
      bench,
      '/run-bash/',
      json({ cmd: 'echo one; sleep 0.3; echo two', stream: true }),
    );
    const events = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(events.map(({ type }) => type)).toEqual(['start', 'stdout', 'stdout', 'exit']);
  });

  it.each(Object.entries(leaving))('leaves nothing alive after a time-out: %s', async (_name, script) => {
    const own = nextMark();
    const answer = await run(bench, script.replaceAll('MARK', own), { timeout_s: 0.7 });
    expect(answer.timed_out).toBe(true);
    expect(await sleepers(own)).toEqual([]);
  });

  it('counts commands and sessions as running in the sandbox, until nothing of them is left', async () => {
    const own = nextMark();
    const left = new AbortController();
    const asked = call(bench, '/run-bash/', { ...json({ cmd: `sleep ${own}` }), signal: left.signal });
    const started = await call(bench, '/sessions', json({}));
    const { id } = (await started.json()) as { id: string };
    await expect.poll(() => bench.embedded.status().running, { timeout: 10_000 }).toBe(2);
    left.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => bench.embedded.status().running, { timeout: 10_000 }).toBe(1);
    await call(bench, `/sessions/${id}`, { method: 'DELETE' });
    await expect.poll(() => bench.embedded.status().running, { timeout: 10_000 }).toBe(0);
  });

  it('has what commands start counted as processes in the sandbox, without itself', async () => {
    const inside = () => countInside(bench.embedded.current()?.processIds() ?? [], true);
    await expect.poll(inside, { timeout: 10_000 }).toBe(0);
    const own = nextMark();
    const left = new AbortController();
    const cmd = `sleep ${own} & sleep ${own} & wait`;
    const asked = call(bench, '/run-bash/', { ...json({ cmd }), signal: left.signal });
    await expect.poll(inside, { timeout: 10_000 }).toBeGreaterThan(2);
    left.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(inside, { timeout: 10_000 }).toBe(0);
  });

  it('ends a command whose caller goes away', async () => {
    const own = nextMark();
    const left = new AbortController();
    const asked = call(bench, '/run-bash/', {
      ...json({ cmd: `setsid sleep ${own} & sleep 60` }),
      signal: left.signal,
    });
    await expect.poll(() => sleepers(own), { timeout: 10_000 }).not.toEqual([]);
    left.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => sleepers(own), { timeout: 10_000 }).toEqual([]);
  });

  it.each([
    ['the token', (folder: string) => `cat ${folder}/api-token`],
    ['how programs are started', (folder: string) => `cat ${folder}/run/launcher.json`],
    ['the data folder', (folder: string) => `ls ${folder}`],
    ['the gateway among the processes', () => `grep -l '[l]m_gateway' /proc/[0-9]*/cmdline`],
    ['the environment of its first process', () => `tr '\\0' '\\n' < /proc/1/environ | grep LM_API`],
    [
      'the gateway over the network',
      (_folder: string, port: number) => `exec 3<> /dev/tcp/127.0.0.1/${port}`,
    ],
    ['the system', () => 'touch /usr/lm-sandbox-was-here'],
  ])('keeps commands from %s', async (_what, attempt) => {
    const { port } = new URL(bench.address());
    const answer = await run(bench, attempt(bench.dataFolder, Number(port)));
    expect(answer.exit_code).not.toBe(0);
    expect(answer.output).toBe('');
    expect(answer.output + answer.error).not.toContain(await bench.token());
  });

  it('lets variables of a request have no effect outside', async () => {
    const workspace = bench.embedded.status().workspace.folder;
    const outside = join(bench.dataFolder, 'outside');
    await writeFile(join(workspace, 'evil'), `touch ${outside}\n`);
    const evil = join(workspace, 'evil');
    await run(bench, 'true', { env: { BASH_ENV: evil, ENV: evil, LD_PRELOAD: evil, LD_AUDIT: evil } });
    await expect(stat(outside)).rejects.toThrow('ENOENT');
  });

  it('keeps files in the workspace that commands can change, and no others', async () => {
    const stored = await call(bench, '/files/notes/a.txt?parents=true', { method: 'PUT', body: 'one\n' });
    expect(stored.status).toBe(201);
    expect(await run(bench, 'echo two >> notes/a.txt && cat notes/a.txt')).toMatchObject({
      output: 'one\ntwo\n',
    });
    expect(await (await call(bench, '/files//workspace/notes/a.txt')).text()).toBe('one\ntwo\n');
    // Programs inside are nobody where the app is root, and the app's own user elsewhere.
    const owner = process.getuid?.() === 0 ? 65_534 : process.getuid?.();
    const folder = bench.embedded.status().workspace.folder;
    for (const name of ['notes', 'notes/a.txt']) expect((await stat(join(folder, name))).uid).toBe(owner);
    await run(bench, `ln -s ${bench.dataFolder}/api-token stolen; ln -s ../../api-token stolen-too`);
    for (const name of ['stolen', 'stolen-too', '%2e%2e/%2e%2e/api-token']) {
      const answer = await call(bench, `/files/${name}`);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(await answer.text()).not.toContain(await bench.token());
    }
  });

  it('has sessions on a terminal, which leave nothing behind', async () => {
    const own = nextMark();
    const started = await call(bench, '/sessions', json({ columns: 99, rows: 33 }));
    expect(started.status).toBe(201);
    const { id } = (await started.json()) as { id: string };
    const socket = new WebSocket(`${bench.address().replace('http', 'ws')}/sessions/${id}/attach`, {
      headers: { Authorization: `Bearer ${await bench.token()}` },
    });
    let output = '';
    const decoder = new TextDecoder();
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) output += decoder.decode(data, { stream: true });
    });
    await once(socket, 'open');
    socket.send(Buffer.from(`stty size; sleep ${own} & pwd\n`));
    await expect.poll(() => output, { timeout: 10_000 }).toContain('33 99');
    await expect.poll(() => sleepers(own), { timeout: 10_000 }).not.toEqual([]);
    expect((await call(bench, `/sessions/${id}`, { method: 'DELETE' })).status).toBe(200);
    expect(await sleepers(own)).toEqual([]);
    socket.terminate();
  });

  it('comes back with nothing left over when it is killed', async () => {
    const own = nextMark();
    const asked = call(bench, '/run-bash/', json({ cmd: `setsid sleep ${own} & sleep 60` })).catch(
      () => null,
    );
    await expect.poll(() => sleepers(own), { timeout: 10_000 }).not.toEqual([]);
    const [gateway] = await gatewaysOf(bench.dataFolder);
    const again = new Promise((found) => {
      const stop = bench.service.onChanged.on(({ state }) => {
        if (state !== 'running') return;
        stop();
        found(null);
      });
    });
    process.kill(Number(gateway), 'SIGKILL');
    await again;
    await asked;
    await expect.poll(() => sleepers(own), { timeout: 10_000 }).toEqual([]);
    expect(await run(bench, 'echo on')).toMatchObject({ output: 'on\n' });
  });

  it('ends with the sandbox, and everything it started with it', async () => {
    const own = nextMark();
    const asked = call(bench, '/run-bash/', json({ cmd: `setsid sleep ${own} & sleep 60` })).catch(
      () => null,
    );
    await expect.poll(() => sleepers(own), { timeout: 10_000 }).not.toEqual([]);
    await bench.embedded.stop();
    expect(await sleepers(own)).toEqual([]);
    expect(await gatewaysOf(bench.dataFolder)).toEqual([]);
    await asked;
    expect(bench.service.status().state).toBe('waiting');
    await bench.embedded.start();
    await until(bench, 'running');
    expect(await run(bench, 'echo on')).toMatchObject({ output: 'on\n' });
    await bench.service.setEnabled(false);
    await until(bench, 'off');
    expect(await gatewaysOf(bench.dataFolder)).toEqual([]);
  });

  it('says that its port is in use', async () => {
    const port = bench.settings.current().localApiPort;
    const other = await listen(port);
    await bench.service.setEnabled(true);
    const failed = await until(bench, 'failed');
    expect(failed.error).toMatchObject({ code: 'port_in_use', details: { port } });
    other.close();
    await once(other, 'close');
    bench.service.retry();
    await until(bench, 'running');
  });
});

describe('the API without bubblewrap', () => {
  it('says plainly that nothing isolates its commands, and still leaves none alive', async () => {
    const bench = await makeBench({ withoutBubblewrap: true });
    try {
      await until(bench, 'running');
      expect(bench.service.status().isolation).toBe('none');
      const health = (await (await call(bench, '/health')).json()) as {
        isolation: string;
        warnings: string[];
      };
      expect(health.isolation).toBe('none');
      expect(health.warnings.join()).toContain('nothing isolates commands');
      expect(bench.log.join('\n')).toContain('nothing isolates commands');
      for (const script of Object.values(leaving)) {
        const own = nextMark();
        await run(bench, script.replaceAll('MARK', own), { timeout_s: 0.7 });
        expect(await sleepers(own)).toEqual([]);
      }
    } finally {
      await bench.remove();
    }
  });
});
