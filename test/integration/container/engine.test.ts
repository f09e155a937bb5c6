import { chmod, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createEngineFinder } from '../../../electron/adapters/docker';
import { startEngine, type Engine } from '../../support/engine.mjs';
import {
  anyOf,
  containing,
  createHarness,
  finderFor,
  whenEngine,
  whenSandbox,
  type Harness,
} from './harness';
import { startProxy } from './proxy';
import { importTinyImage } from './tiny-image';

const stay = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'];

let folder: string;
let harness: Harness | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lm-engine-'));
  await chmod(folder, 0o755);
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => {
  harness?.dispose();
  harness = undefined;
});

describe('an engine that cannot be used', () => {
  it('is not installed when there is neither a socket nor a program', async () => {
    harness = await createHarness({
      finder: {
        ...createEngineFinder({
          env: { XDG_RUNTIME_DIR: folder },
          homeFolder: folder,
          userId: 1000,
          platform: 'linux',
        }),
        // The programs of this computer lie in /usr/bin, which is looked at whatever PATH says.
        isInstalled: () => Promise.resolve(false),
      },
    });
    const state = await whenEngine(harness, ({ state }) => state === 'unavailable');
    expect(state).toMatchObject({
      error: {
        code: 'engine_not_installed',
        repair: { command: containing('apt-get install') },
      },
      retryAtMs: anyOf(Number),
    });
  });

  it('is not running when its socket is missing or left over', async () => {
    harness = await createHarness({ finder: finderFor(`unix://${folder}/missing.sock`) });
    expect(await whenEngine(harness, ({ state }) => state === 'unavailable')).toMatchObject({
      error: { code: 'engine_not_running', repair: { command: 'sudo systemctl start docker' } },
      tried: [{ endpoint: { url: `unix://${folder}/missing.sock`, origin: 'environment' } }],
    });
    expect(() => harness?.sandbox.require()).toThrow('No container engine listens');
    await expect(harness.sandbox.start()).rejects.toMatchObject({ code: 'engine_not_running' });
  });

  it('hangs when it accepts and never answers', async () => {
    const path = join(folder, 'hung.sock');
    const server = createServer((socket) => socket.on('error', () => socket.destroy()).resume());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    harness = await createHarness({ finder: finderFor(`unix://${path}`) });
    const state = await whenEngine(harness, ({ state }) => state === 'unavailable', 8_000);
    expect(state).toMatchObject({ error: { code: 'engine_not_responding' } });
    harness.dispose();
    await new Promise((resolve) => server.close(resolve));
  });

  it('is something else when it speaks no HTTP', async () => {
    const path = join(folder, 'other.sock');
    const server = createServer((socket) =>
      socket
        .on('error', () => socket.destroy())
        .resume()
        .end('SSH-2.0-OpenSSH_9.2\r\n'),
    );
    await new Promise<void>((resolve) => server.listen(path, resolve));
    harness = await createHarness({ finder: finderFor(`unix://${path}`) });
    const state = await whenEngine(harness, ({ state }) => state === 'unavailable');
    expect(state).toMatchObject({
      error: { code: 'engine_failed', message: containing('does not answer') },
    });
    await new Promise((resolve) => server.close(resolve));
  });

  it('says clearly that ssh:// needs a forwarded socket', async () => {
    harness = await createHarness({ finder: finderFor('ssh://user@gpu-box') });
    const state = await whenEngine(harness, ({ state }) => state === 'unavailable');
    expect(state).toMatchObject({
      error: { code: 'unsupported', repair: { command: containing('ssh -nNT -L') } },
    });
  });
});

describe('a real engine', () => {
  let engine: Engine;
  const hostPort = 18_441;
  beforeAll(async () => {
    engine = await startEngine({ generation: 'modern', name: 'container-engine' });
    await importTinyImage(engine, 'lm-docker', stay);
  });
  afterAll(() => engine?.stop());

  const open = async (host: string) => {
    const opened = await createHarness({ finder: finderFor(host), settings: { hostPort } });
    harness = opened;
    await whenEngine(opened, ({ state }) => state === 'connected');
    await whenSandbox(opened, (status) => status.phase !== 'unknown');
    return opened;
  };

  it('refuses a user who is not in its group, with the command that mends it', async () => {
    const { geteuid, seteuid } = process;
    if (!geteuid || !seteuid || geteuid() !== 0)
      throw new Error('This test needs root to become somebody else.');
    seteuid(65_534);
    try {
      harness = await createHarness({ finder: finderFor(engine.host) });
      const state = await whenEngine(harness, ({ state }) => state === 'unavailable');
      expect(state).toMatchObject({
        error: { code: 'engine_permission_denied', repair: { command: 'sudo usermod -aG docker $USER' } },
      });
    } finally {
      seteuid(0);
    }
  });

  it('is found through the current docker context before the usual sockets', async () => {
    const home = join(folder, 'home');
    await engine.docker(['context', 'create', 'elsewhere', '--docker', `host=${engine.host}`], {
      env: { ...engine.env, DOCKER_CONFIG: join(home, '.docker'), DOCKER_HOST: undefined },
    });
    await engine.docker(['context', 'use', 'elsewhere'], {
      env: { ...engine.env, DOCKER_CONFIG: join(home, '.docker'), DOCKER_HOST: undefined },
    });
    harness = await createHarness({
      finder: createEngineFinder({ env: {}, homeFolder: home, userId: 0, platform: 'linux' }),
    });
    expect(await whenEngine(harness, ({ state }) => state === 'connected')).toMatchObject({
      endpoint: { origin: 'context', label: 'elsewhere', url: engine.host },
    });
  });

  it('is found by its rootless socket', async () => {
    await symlink(engine.socketPath, join(folder, 'docker.sock'));
    const finder = createEngineFinder({
      env: { XDG_RUNTIME_DIR: folder },
      homeFolder: '/nonexistent',
      userId: 1000,
      platform: 'linux',
    });
    const candidates = await finder.find(null);
    const rootless = candidates.find((candidate) => candidate.endpoint.origin === 'rootless');
    const found = await rootless?.connect({ timeoutMs: 5_000, signal: new AbortController().signal });
    expect(await found?.readInformation()).toMatchObject({ product: 'docker', version: engine.version });
  });

  it('that is killed and started again is resynchronised within 5 s, and nothing is pretended meanwhile', async () => {
    const opened = await open(engine.host);
    await opened.sandbox.create('none');
    const before = opened.sandbox.require();
    await engine.kill();
    await whenEngine(opened, ({ state }) => state === 'unavailable', 5_000);
    expect(opened.sandbox.status()).toMatchObject({ phase: 'unknown', container: null });
    expect(opened.sandbox.current()).toBeNull();
    expect(() => opened.sandbox.require()).toThrow(expect.objectContaining({ code: 'engine_not_running' }));
    await engine.start();
    const startedAtMs = Date.now();
    const status = await whenSandbox(opened, ({ phase }) => phase !== 'unknown', 10_000);
    expect(Date.now() - startedAtMs).toBeLessThan(5_000);
    // Without live-restore the engine ends what it finds running.
    const ended = await whenSandbox(opened, ({ phase }) => phase === 'stopped');
    expect(ended).toMatchObject({ phase: 'stopped', error: { code: 'container_not_running' } });
    expect(status.container?.id).toBe(before.containerId);
    await opened.sandbox.start();
    expect(opened.sandbox.require().runId).not.toBe(before.runId);
    await opened.sandbox.remove(true);
  });

  it('whose stream of events ends cleanly is asked again within 5 s for all that was missed', async () => {
    const proxy = await startProxy(join(folder, 'proxy.sock'), engine.socketPath);
    const opened = await open(proxy.host);
    await opened.sandbox.create('none');
    proxy.goSilent();
    await engine.docker(['rm', '-f', 'lm_container']);
    const startedAtMs = Date.now();
    proxy.recover();
    await whenSandbox(opened, ({ phase }) => phase === 'absent', 5_000);
    expect(Date.now() - startedAtMs).toBeLessThan(5_000);
    expect(opened.engines.state().state).toBe('connected');
    opened.dispose();
    await proxy.close();
  });

  it('behind a network that drops everything is missed within 15 s', async () => {
    const proxy = await startProxy(join(folder, 'proxy.sock'), engine.socketPath);
    const opened = await open(proxy.host);
    proxy.goSilent();
    const startedAtMs = Date.now();
    const state = await whenEngine(opened, ({ state }) => state === 'unavailable', 25_000);
    expect(Date.now() - startedAtMs).toBeLessThan(15_000);
    expect(state).toMatchObject({ error: { code: 'engine_not_responding' } });
    proxy.recover();
    await whenEngine(opened, ({ state }) => state === 'connected', 8_000);
    opened.dispose();
    await proxy.close();
  }, 60_000);

  it('that hangs is missed and found again when it goes on', async () => {
    const opened = await open(engine.host);
    await engine.freeze();
    const state = await whenEngine(opened, ({ state }) => state === 'unavailable', 25_000);
    expect(state).toMatchObject({
      error: { code: 'engine_not_responding', repair: { command: anyOf(String) } },
    });
    await engine.thaw();
    await whenEngine(opened, ({ state }) => state === 'connected', 10_000);
  }, 60_000);

  it('is searched at once when the person asks', async () => {
    const opened = await open(engine.host);
    const { revision } = opened.engines.state();
    const found = await opened.engines.search();
    expect(found).toMatchObject({ state: 'connected' });
    expect(found.revision).toBeGreaterThan(revision);
  });

  it('is left for the one the person names in the settings', async () => {
    const opened = await open(engine.host);
    await opened.settings.update({ engineUrl: `unix://${folder}/nothing.sock` });
    expect(await whenEngine(opened, ({ state }) => state === 'unavailable')).toMatchObject({
      tried: [{ endpoint: { origin: 'setting' }, error: { code: 'engine_not_running' } }],
    });
    await opened.settings.update({ engineUrl: engine.host });
    await whenEngine(opened, ({ state }) => state === 'connected');
  });

  it('leaves no connection behind when the host ends', async () => {
    const proxy = await startProxy(join(folder, 'proxy.sock'), engine.socketPath);
    const opened = await open(proxy.host);
    expect(proxy.connectionCount()).toBeGreaterThan(0);
    opened.dispose();
    opened.dispose();
    await expect.poll(() => proxy.connectionCount(), { timeout: 5_000 }).toBe(0);
    await proxy.close();
  });
});
