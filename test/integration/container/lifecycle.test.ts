import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
import { importTinyImage } from './tiny-image';

const stay = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'];
const hostPort = 18_431;

describe.each([
  { generation: 'debian' as const, version: /^20\.10/ },
  { generation: 'modern' as const, version: /^2[89]\./ },
])('the sandbox on a real $generation engine', ({ generation, version }) => {
  let engine: Engine;
  let harness: Harness;

  beforeAll(async () => {
    engine = await startEngine({ generation, name: 'container-lifecycle' });
    await importTinyImage(engine, 'lm-docker', stay);
  });
  afterAll(() => engine?.stop());

  beforeEach(async () => {
    harness = await createHarness({ finder: finderFor(engine.host), settings: { hostPort } });
    await whenEngine(harness, (state) => state.state === 'connected');
    await whenSandbox(harness, (status) => status.phase === 'absent' && status.image.state === 'present');
  });
  afterEach(async () => {
    harness.dispose();
    const left = (await engine.docker(['ps', '-aq'])).stdout.split('\n').filter(Boolean);
    if (left.length > 0) await engine.docker(['rm', '-f', ...left]);
  });

  const exec = async (...command: string[]) =>
    (await engine.docker(['exec', 'lm_container', ...command])).stdout.trim();

  it('is found, with its facts', () => {
    const state = harness.engines.state();
    expect(state).toMatchObject({
      state: 'connected',
      endpoint: { url: engine.host, origin: 'environment' },
      facts: { product: 'docker', rootless: false, cpus: anyOf(Number) },
    });
    if (state.state !== 'connected') throw new Error('unreachable');
    expect(state.facts.version).toMatch(version);
    expect(state.facts.apiVersion).toBe(engine.apiVersion);
    expect(state.facts.runcVersion).toMatch(/^\d/);
    expect(state.facts.gpu).toMatchObject({ mechanism: 'gpus-flag', error: null });
  });

  it('is created, stopped, started, restarted and removed, and its volume survives', async () => {
    const created = await harness.sandbox.create('none');
    expect(created).toMatchObject({
      phase: 'starting',
      operation: null,
      error: null,
      container: { managed: true, outdated: [], hostPort, gpu: { choice: 'none', mechanism: 'none' } },
    });
    expect(harness.settings.current().gpu).toBe('none');
    const first = harness.sandbox.require();
    expect(first).toMatchObject({ gatewayUrl: `http://127.0.0.1:${hostPort}`, gpuChoice: 'none' });
    expect(await exec('sh', '-c', 'echo $LM_API_TOKEN $NVIDIA_VISIBLE_DEVICES')).toBe(
      `${first.gatewayToken} void`,
    );
    expect(await exec('id', '-u')).toBe('1000');

    expect((await harness.sandbox.stop()).phase).toBe('stopped');
    expect(harness.sandbox.current()).toBeNull();
    expect(() => harness.sandbox.require()).toThrow('not running');
    expect((await harness.sandbox.start()).phase).toBe('starting');
    const second = harness.sandbox.require();
    expect(second.containerId).toBe(first.containerId);
    expect(second.runId).not.toBe(first.runId);
    await harness.sandbox.restart();
    expect(harness.sandbox.require().runId).not.toBe(second.runId);

    await engine.docker(['exec', '-u', '0', 'lm_container', 'sh', '-c', 'echo kept > /workspace/file']);
    const recreated = await harness.sandbox.recreate('none');
    expect(recreated.container?.id).not.toBe(first.containerId);
    expect(harness.sandbox.require().gatewayToken).not.toBe(first.gatewayToken);
    expect(await exec('cat', '/workspace/file')).toBe('kept');
    expect((await engine.docker(['ps', '-aq'])).stdout.trim().split('\n')).toHaveLength(1);

    expect((await harness.sandbox.remove(false)).phase).toBe('absent');
    expect((await engine.docker(['volume', 'ls', '-q'])).stdout).toContain('lm_workspace');
    expect((await harness.sandbox.remove(true)).phase).toBe('absent');
    expect((await engine.docker(['volume', 'ls', '-q'])).stdout.trim()).toBe('');
  });

  it('really gets the hardening', async () => {
    await harness.settings.update({ memoryLimitBytes: 512 * 1024 * 1024, cpuLimit: 1, pidsLimit: 100 });
    await harness.sandbox.create('none');
    const status = await exec('cat', '/proc/self/status');
    expect(status).toMatch(/CapEff:\s0{16}/);
    expect(status).toMatch(/CapBnd:\s0{16}/);
    expect(status).toMatch(/NoNewPrivs:\s1/);
    expect(status).toMatch(/Seccomp:\s2/);
    expect(await exec('cat', '/proc/1/comm')).toMatch(/init|tini/);
    const inspected = await engine.docker(['inspect', '--format', '{{json .HostConfig}}', 'lm_container']);
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      Privileged: false,
      PidsLimit: 100,
      Memory: 536_870_912,
      MemorySwap: 536_870_912,
      NanoCpus: 1e9,
      Init: true,
      IpcMode: 'private',
      PidMode: '',
      Binds: null,
      PortBindings: { '8000/tcp': [{ HostIp: '127.0.0.1', HostPort: String(hostPort) }] },
    });
  });

  it('notices when it is stopped, started, killed and removed from outside', async () => {
    await harness.sandbox.create('none');
    await engine.docker(['stop', '-t', '5', 'lm_container']);
    const stopped = await whenSandbox(harness, (status) => status.phase === 'stopped');
    expect(stopped.error).toBeNull();
    await engine.docker(['start', 'lm_container']);
    await whenSandbox(harness, (status) => status.phase === 'starting');
    await engine.docker(['kill', 'lm_container']);
    expect((await whenSandbox(harness, (status) => status.phase !== 'starting')).phase).toBe('stopped');
    await engine.docker(['rm', 'lm_container']);
    await whenSandbox(harness, (status) => status.phase === 'absent' && status.container === null);
  });

  it('says who has the port, and leaves no half-made container', async () => {
    await engine.docker([
      'run',
      '-d',
      '--name',
      'neighbour',
      '-p',
      `127.0.0.1:${hostPort}:8000`,
      'lm-docker',
    ]);
    await expect(harness.sandbox.create('none')).rejects.toMatchObject({
      code: 'port_in_use',
      message: `Port ${hostPort} on this computer is already used by the container "neighbour".`,
      data: { repair: { command: 'docker stop neighbour' } },
    });
    expect(harness.sandbox.status()).toMatchObject({ phase: 'absent', error: { code: 'port_in_use' } });
    await engine.docker(['rm', '-f', 'neighbour']);

    const server = createServer().listen(hostPort, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    await expect(harness.sandbox.create('none')).rejects.toMatchObject({
      code: 'port_in_use',
      message: `Port ${hostPort} on this computer is already used by another program.`,
    });
    await new Promise((resolve) => server.close(resolve));
    expect((await engine.docker(['ps', '-aq'])).stdout.trim()).toBe('');

    expect(await harness.sandbox.create('none')).toMatchObject({ phase: 'starting', error: null });
  });

  it('brings the old container back when the new one cannot start', async () => {
    await harness.sandbox.create('none');
    const before = harness.sandbox.require();
    const server = createServer().listen(hostPort + 1, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    await harness.settings.update({ hostPort: hostPort + 1 });
    await expect(harness.sandbox.recreate('none')).rejects.toMatchObject({ code: 'port_in_use' });
    await new Promise((resolve) => server.close(resolve));
    const after = harness.sandbox.require();
    expect(after.containerId).toBe(before.containerId);
    expect(harness.sandbox.status().container).toMatchObject({
      name: 'lm_container',
      outdated: ['The port changed.'],
    });
    expect((await engine.docker(['ps', '-aq'])).stdout.trim().split('\n')).toHaveLength(1);
  });

  it('ends a recreate that a killed app left behind, and loses nothing', async () => {
    const names = async () =>
      (await engine.docker(['ps', '-a', '--format', '{{.Names}}'])).stdout.trim().split('\n').sort();
    const openAgain = async () => {
      harness.dispose();
      harness = await createHarness({ finder: finderFor(engine.host), settings: { hostPort } });
    };
    await harness.sandbox.create('none');
    const { containerId } = harness.sandbox.require();
    await engine.docker(['exec', 'lm_container', 'sh', '-c', 'echo kept > /tmp/file']);
    const aside = `lm_container-replaced-${containerId.slice(0, 12)}`;

    harness.dispose();
    await engine.docker(['stop', '-t', '5', 'lm_container']);
    await engine.docker(['rename', 'lm_container', aside]);
    await openAgain();
    const back = await whenSandbox(harness, (status) => status.container !== null);
    expect(back).toMatchObject({
      phase: 'stopped',
      container: { id: containerId, name: 'lm_container' },
      error: { message: 'Recreating the sandbox was interrupted, so the earlier one was put back.' },
    });
    expect(await harness.sandbox.start()).toMatchObject({ phase: 'starting', error: null });
    expect(await exec('cat', '/tmp/file')).toBe('kept');

    harness.dispose();
    await engine.docker(['stop', '-t', '5', 'lm_container']);
    await engine.docker(['rename', 'lm_container', aside]);
    const label = ['--label', 'dev.lm-sandbox.managed=true'];
    await engine.docker(['create', '--name', 'lm_container', ...label, 'lm-docker']);
    await openAgain();
    await whenSandbox(harness, (status) => status.phase === 'created');
    expect(await names()).toEqual(['lm_container', aside]);
    await harness.sandbox.start();
    expect(await names()).toEqual(['lm_container']);
    expect(harness.sandbox.status().container?.id).not.toBe(containerId);
  });

  it('keeps its hands off a foreign container of its name', async () => {
    await engine.docker(['run', '-d', '--name', 'lm_container', 'lm-docker']);
    const foreign = await whenSandbox(harness, (status) => status.phase === 'foreign');
    expect(foreign.error).toMatchObject({
      code: 'name_in_use',
      repair: { command: 'docker rename lm_container lm_container-old' },
    });
    expect(harness.sandbox.current()).toBeNull();
    for (const operation of [
      () => harness.sandbox.create('none'),
      () => harness.sandbox.start(),
      () => harness.sandbox.stop(),
      () => harness.sandbox.remove(true),
      () => harness.sandbox.recreate('none'),
    ]) {
      await expect(operation()).rejects.toMatchObject({ code: 'name_in_use' });
    }
    await expect(harness.sandbox.adopt()).rejects.toMatchObject({ code: 'container_failed' });
    expect((await engine.docker(['ps', '-q'])).stdout.trim().split('\n')).toHaveLength(1);
  });

  it('adopts a foreign container that can serve, and refuses a dangerous one', async () => {
    const serving = ['-p', `127.0.0.1:${hostPort}:8000`, '-e', 'LM_API_TOKEN=theirs'];
    await engine.docker(['run', '-d', '--name', 'lm_container', '--privileged', ...serving, 'lm-docker']);
    await whenSandbox(harness, (status) => status.phase === 'foreign');
    await expect(harness.sandbox.adopt()).rejects.toThrow(/privileged/);
    await engine.docker(['rm', '-f', 'lm_container']);
    await engine.docker(['run', '-d', '--name', 'lm_container', ...serving, 'lm-docker']);
    await whenSandbox(harness, (status) => status.phase === 'foreign' && status.container !== null);
    expect(await harness.sandbox.adopt()).toMatchObject({
      phase: 'starting',
      container: { managed: true },
      error: null,
    });
    expect(harness.sandbox.require().gatewayToken).toBe('theirs');
    expect((await harness.sandbox.remove(false)).phase).toBe('absent');
  });

  it('says likely out of memory when the kernel killed it', async () => {
    await importTinyImage(engine, 'lm-hungry', ['sh', '-c', 'x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done']);
    await harness.settings.update({ imageName: 'lm-hungry', memoryLimitBytes: 512 * 1024 * 1024 });
    await harness.sandbox.create('none').catch(() => undefined);
    const failed = await whenSandbox(harness, (status) => status.phase === 'failed', 60_000);
    expect(failed.error).toMatchObject({
      code: 'out_of_memory',
      repair: { text: containing('raise the memory') },
    });
  });

  it('reports a program that ends by itself, with its last lines', async () => {
    await importTinyImage(engine, 'lm-broken', ['sh', '-c', 'echo cannot find the model; exit 3']);
    await harness.settings.update({ imageName: 'lm-broken' });
    await harness.sandbox.create('none');
    const failed = await whenSandbox(harness, (status) => status.phase === 'failed');
    expect(failed.error).toMatchObject({
      code: 'container_failed',
      details: { exitCode: 3, lastLines: 'cannot find the model' },
    });
  });

  it('does one operation at a time', async () => {
    const first = harness.sandbox.create('none');
    await expect(harness.sandbox.stop()).rejects.toMatchObject({ code: 'conflict' });
    await first;
  });

  it('refuses an image that is missing or runs as root before it makes anything', async () => {
    await harness.settings.update({ imageName: 'lm-missing' });
    await expect(harness.sandbox.create('none')).rejects.toMatchObject({ code: 'image_missing' });
    await importTinyImage(engine, 'lm-root', stay, 'root');
    await harness.settings.update({ imageName: 'lm-root' });
    await expect(harness.sandbox.create('none')).rejects.toThrow(/as root/);
    expect((await engine.docker(['ps', '-aq'])).stdout.trim()).toBe('');
  });
});
