import { createServer } from 'node:http';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createBuildContext } from '../../../electron/adapters/docker';
import type { BuildState } from '../../../electron/contract';
import { ImageService } from '../../../electron/services/container';
import { silentLogger, systemClock } from '../../../electron/services/foundation';
import { startEngine, type Engine } from '../../support/engine.mjs';
import { startModelRegistry } from '../../support/registry.mjs';
import { containing, createHarness, finderFor, when, whenEngine, whenSandbox, type Harness } from './harness';
import { importTinyImage } from './tiny-image';

let folder: string;
let harness: Harness;
let images: ImageService;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lm-build-'));
});
afterEach(async () => {
  await images.dispose();
  harness.dispose();
  await rm(folder, { recursive: true });
});

async function open(engine: Engine, buildArguments: Record<string, string> = {}): Promise<void> {
  harness = await createHarness({
    finder: finderFor(engine.host),
    settings: { extraCertificatesFolder: join(folder, 'ca') },
    onImageReleased: (imageId) => void images.removeReplaced(imageId),
  });
  await mkdir(join(folder, 'ca'), { recursive: true });
  images = new ImageService({
    engines: harness.engines,
    settings: harness.settings,
    context: createBuildContext(join(folder, 'docker')),
    buildArguments,
    appVersion: '0.0.0-test',
    clock: systemClock,
    logger: silentLogger,
  });
  await whenEngine(harness, ({ state }) => state === 'connected');
}

/** A docker folder whose Dockerfile has these lines after its base. */
async function writeDockerfile(lines: readonly string[], base = 'tiny'): Promise<void> {
  await mkdir(join(folder, 'docker/image/extra-ca-certificates'), { recursive: true });
  await mkdir(join(folder, 'docker/gateway'), { recursive: true });
  await writeFile(join(folder, 'docker/gateway/main.py'), 'print("hello")\n');
  await writeFile(
    join(folder, 'docker/image/Dockerfile'),
    [
      `ARG BASE_IMAGE=${base}`,
      'FROM ${BASE_IMAGE} AS runtime',
      ...lines,
      'ARG IMAGE_REVISION=unknown',
      'LABEL dev.lm-sandbox.image-revision="${IMAGE_REVISION}"',
      'USER 1000:1000',
      'FROM runtime AS test',
      'RUN echo this stage must not be built',
      '',
    ].join('\n'),
  );
}

const ended = (state: BuildState) => state.status !== 'running';
const whenBuild = (condition: (state: BuildState) => boolean, timeoutMs = 60_000) =>
  when(images.buildState()!, images.onBuildChanged, condition, timeoutMs);

const logOf = (): string => {
  let log = '';
  const controller = new AbortController();
  images.attachLog({
    send: (chunk) => (log = chunk.kind === 'snapshot' ? chunk.logLines.join('\n') : log),
    writable: true,
    pendingBytes: 0,
    onWritable: () => undefined,
    signal: controller.signal,
    end: () => undefined,
    fail: () => undefined,
  });
  controller.abort();
  return log;
};

describe.each(['debian', 'modern'] as const)('a build on a real %s engine', (generation) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine({ generation, name: 'container-build' });
    await importTinyImage(engine, 'tiny', ['sh'], '0:0');
  });
  afterAll(() => engine?.stop());

  it('removes the image it replaces, but not under a container, nor one with another name', async () => {
    const stay = 'CMD ["sh", "-c", "while :; do sleep 0.2; done"]';
    const exists = async (id: string) =>
      (await engine.docker(['images', '--all', '--quiet', '--no-trunc'])).stdout.includes(id);
    const build = async (content: string): Promise<string> => {
      await writeDockerfile([`RUN echo ${content} > /opt-${content}`, stay]);
      const { id } = images.build({ withoutCache: false });
      expect(await whenBuild((state) => state.id === id && ended(state))).toMatchObject({ error: null });
      return (await engine.docker(['image', 'inspect', '--format', '{{.Id}}', 'lm-docker'])).stdout.trim();
    };
    await writeDockerfile([stay]);
    await open(engine);
    const first = await build('one');
    const second = await build('two');
    expect([await exists(first), await exists(second)]).toEqual([false, true]);

    await harness.sandbox.create('none');
    const third = await build('three');
    expect([await exists(second), await exists(third)]).toEqual([true, true]);
    await harness.sandbox.recreate('none');
    await expect.poll(() => exists(second)).toBe(false);
    expect(harness.sandbox.status()).toMatchObject({ container: { imageId: third }, error: null });

    await harness.sandbox.remove(true);
    await engine.docker(['tag', 'lm-docker', 'kept']);
    const fourth = await build('four');
    expect([await exists(third), await exists(fourth)]).toEqual([true, true]);
    await engine.docker(['rmi', 'kept']);
  });

  it('shows its steps as they run, its log, and then what the cache saved', async () => {
    await writeDockerfile(['COPY gateway/ /opt/', 'RUN cat /opt/main.py && echo done-$((20+3))']);
    await open(engine);
    const seen: string[] = [];
    images.onBuildChanged.on((state) => {
      const step = state.steps.at(-1);
      if (step) seen.push(`${step.index}/${step.total} ${step.status}`);
    });
    expect(images.build({ withoutCache: true })).toMatchObject({
      status: 'running',
      reference: 'lm-docker',
      steps: [],
    });
    expect(() => images.build({ withoutCache: false })).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
    const first = await whenBuild(ended);
    expect(first).toMatchObject({ status: 'succeeded', error: null });
    expect(first.steps.map((step) => step.name.split(' ')[0])).toEqual([
      'ARG',
      'FROM',
      'COPY',
      'RUN',
      'ARG',
      'LABEL',
      'USER',
    ]);
    expect(first.steps.every((step) => step.status === 'done' && step.finishedAtMs !== null)).toBe(true);
    expect(seen).toContain('4/7 running');
    expect(logOf()).toContain('print("hello")\ndone-23');
    expect(logOf()).not.toContain('must not be built');

    const revision = await images.imageRevision();
    const labels = await engine.docker([
      'image',
      'inspect',
      '--format',
      '{{json .Config.Labels}}',
      'lm-docker',
    ]);
    expect(JSON.parse(labels.stdout)).toEqual({ 'dev.lm-sandbox.image-revision': revision });
    await whenSandbox(harness, (status) => status.image.state === 'present');

    images.build({ withoutCache: false });
    const second = await whenBuild((state) => ended(state) && state.id !== first.id);
    expect(second.steps.slice(2).map((step) => step.status)).toEqual(Array(5).fill('cached'));
    await engine.docker(['image', 'rm', 'lm-docker']);
  });

  it('takes the certificates along, and not those that lie in the folder by chance', async () => {
    await writeDockerfile(['COPY image/extra-ca-certificates/ /ca/', 'RUN ls /ca && cat /ca/own.crt']);
    await open(engine);
    await writeFile(join(folder, 'docker/image/extra-ca-certificates/stray.crt'), 'stray');
    await writeFile(
      join(folder, 'ca/own.crt'),
      '-----BEGIN CERTIFICATE-----\nMINE\n-----END CERTIFICATE-----\n',
    );
    images.build({ withoutCache: true });
    expect(await whenBuild(ended)).toMatchObject({ status: 'succeeded' });
    expect(logOf()).toMatch(/own\.crt\n-----BEGIN CERTIFICATE-----\nMINE/);
    expect(logOf()).not.toContain('stray');
    await writeFile(join(folder, 'ca/broken.crt'), 'not a certificate');
    images.build({ withoutCache: false });
    expect(await whenBuild((state) => ended(state) && state.status === 'failed')).toMatchObject({
      error: { code: 'invalid_input', message: containing('broken.crt') },
    });
  });

  it('that is cancelled stops in the engine too', async () => {
    await writeDockerfile(['RUN echo begun && while :; do sleep 0.1; done']);
    await open(engine);
    images.build({ withoutCache: true });
    await whenBuild((state) => state.steps.at(-1)?.name.startsWith('RUN') === true);
    await expect
      .poll(async () => (await engine.docker(['ps', '-q'])).stdout.trim(), { timeout: 10_000 })
      .not.toBe('');
    await images.cancelBuild();
    expect(images.buildState()).toMatchObject({ status: 'cancelled', error: null });
    expect(images.buildState()?.steps.at(-1)?.status).toBe('cancelled');
    await expect
      .poll(async () => (await engine.docker(['ps', '-aq'])).stdout.trim(), { timeout: 20_000 })
      .toBe('');
  });

  it('that fails names the step and shows its last lines', async () => {
    await writeDockerfile(['RUN echo about to fail && ls /missing']);
    await open(engine);
    images.build({ withoutCache: true });
    const state = await whenBuild(ended);
    expect(state).toMatchObject({ status: 'failed', error: { code: 'image_build_failed' } });
    expect(state.error?.message).toMatch(/in the step "RUN echo about to fail/);
    expect(state.error?.details['lastLines']).toMatch(/about to fail[\s\S]*No such file/);
    expect(state.steps.at(-1)?.status).toBe('failed');
  });

  it('that meets an unknown certificate, or no network, says so with its repair', async () => {
    const text =
      "SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain')";
    await writeDockerfile([`RUN echo "${text}" && ls /missing`]);
    await open(engine);
    images.build({ withoutCache: true });
    expect(await whenBuild(ended)).toMatchObject({
      error: {
        code: 'build_certificate_untrusted',
        repair: { text: containing('extra CA certificates') },
      },
    });
    await writeDockerfile([], 'registry.invalid/no/such:base');
    images.build({ withoutCache: true });
    const state = await whenBuild(
      (next) => ended(next) && next.error?.code !== 'build_certificate_untrusted',
    );
    expect(state.error).toMatchObject({ code: 'build_network_failed', retryable: true });
  });

  it('whose base does not exist says which step wanted it', async () => {
    // A registry that knows no image at all.
    const registry = createServer((request, response) => {
      if (request.url === '/v2/') return response.writeHead(200).end('{}');
      response.writeHead(404, { 'content-type': 'application/json' });
      return response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
    });
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    const { port } = registry.address() as AddressInfo;
    await writeDockerfile([], `127.0.0.1:${port}/nothing:1`);
    await open(engine);
    images.build({ withoutCache: true });
    const state = await whenBuild(ended);
    registry.closeAllConnections();
    await new Promise((resolve) => registry.close(resolve));
    expect(state.error).toMatchObject({ code: 'image_build_failed' });
    expect(state.error?.message).toMatch(/^A base image of the build does not exist: FROM/);
  });

  it('that pulls its base shows the bytes as they come', async () => {
    await writeDockerfile(['RUN dd if=/dev/urandom of=/big bs=1048576 count=12']);
    await open(engine);
    images.build({ withoutCache: true });
    const base = await whenBuild(ended);
    expect(base.error).toBeNull();
    const registry = await startModelRegistry({ tls: false });
    try {
      const reference = `${registry.host}/base:1`;
      await engine.docker(['tag', 'lm-docker', reference]);
      await engine.docker(['push', reference]);
      await engine.docker(['image', 'rm', '--force', reference, 'lm-docker']);
      registry.setThrottle(8 * 1024 * 1024);
      await writeDockerfile([], reference);
      images.build({ withoutCache: true });
      const pulling = await whenBuild((state) => {
        const step = state.steps.at(-1);
        return state.id !== base.id && (step?.completedBytes ?? 0) > 0;
      });
      const step = pulling.steps.at(-1);
      expect(step).toMatchObject({ name: 'FROM ${BASE_IMAGE} AS runtime', status: 'running' });
      expect(step?.totalBytes).toBeGreaterThan(12 * 1024 * 1024);
      expect(await whenBuild((state) => ended(state) && state.id !== base.id)).toMatchObject({
        status: 'succeeded',
      });
      await engine.docker(['image', 'rm', '--force', 'lm-docker', reference]);
    } finally {
      await registry.stop();
    }
  });

  it('whose engine dies has failed because of that', async () => {
    await writeDockerfile(['RUN while :; do sleep 0.1; done']);
    await open(engine);
    images.build({ withoutCache: true });
    await whenBuild((state) => state.steps.at(-1)?.name.startsWith('RUN') === true);
    await engine.kill();
    expect(await whenBuild(ended)).toMatchObject({
      status: 'failed',
      error: { code: 'engine_connection_lost' },
    });
    await engine.start();
    await whenEngine(harness, ({ state }) => state === 'connected');
    const left = (await engine.docker(['ps', '-aq'])).stdout.split('\n').filter(Boolean);
    if (left.length > 0) await engine.docker(['rm', '-f', ...left]);
  });
});

describe('a build on a disk that becomes full', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine({
      generation: 'modern',
      name: 'container-full',
      dataRootBytes: 96 * 1024 * 1024,
    });
    await importTinyImage(engine, 'tiny', ['sh'], '0:0');
  });
  afterAll(() => engine?.stop());

  it('says so, harms nothing, and works again when there is space', async () => {
    await writeDockerfile(['RUN dd if=/dev/zero of=/big bs=1048576 count=400']);
    await open(engine);
    images.build({ withoutCache: true });
    const state = await whenBuild(ended);
    expect(state).toMatchObject({
      status: 'failed',
      error: { code: 'disk_full', repair: { command: 'docker system prune' } },
    });
    await writeDockerfile(['RUN dd if=/dev/zero of=/small bs=1048576 count=1']);
    images.build({ withoutCache: true });
    expect(await whenBuild((next) => ended(next) && next.id !== state.id)).toMatchObject({
      status: 'succeeded',
    });
  });
});
