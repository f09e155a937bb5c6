import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createBuildContext } from '../../../electron/adapters/docker';
import { ImageService } from '../../../electron/services/container';
import { silentLogger, systemClock } from '../../../electron/services/foundation';
import { createHarness, finderFor, when, whenEngine, whenSandbox, type Harness } from './harness';
import { podmanMissing, startPodman, type Podman } from './podman';
import { importTinyImage } from './tiny-image';

const hostPort = 18_461;

describe.skipIf(podmanMissing !== null)(
  `a real Podman through its Docker API${podmanMissing ? ` (${podmanMissing})` : ''}`,
  () => {
    let podman: Podman;
    let harness: Harness;
    beforeAll(async () => {
      podman = await startPodman();
      await importTinyImage(podman, 'lm-docker', [
        'sh',
        '-c',
        'trap "exit 0" TERM; while :; do sleep 0.2; done',
      ]);
    });
    afterAll(() => podman?.stop());
    beforeEach(async () => {
      harness = await createHarness({ finder: finderFor(podman.host), settings: { hostPort } });
      await whenEngine(harness, ({ state }) => state === 'connected');
      await whenSandbox(harness, ({ phase, image }) => phase === 'absent' && image.state === 'present');
    });
    afterEach(() => harness.dispose());

    it('is told apart from Docker, and refuses the GPU that it would silently leave out', async () => {
      expect(harness.engines.state()).toMatchObject({
        facts: { product: 'podman', gpu: { mechanism: 'none', error: { code: 'gpu_unavailable' } } },
      });
      await expect(harness.sandbox.create('all')).rejects.toThrow(/silently ignores GPU requests/);
      expect(harness.sandbox.status().phase).toBe('absent');
    });

    it('runs the sandbox through its life, hardened, and notices what happens from outside', async () => {
      const created = await harness.sandbox.create('none');
      expect(created).toMatchObject({
        phase: 'starting',
        error: null,
        container: { managed: true, hostPort, outdated: [] },
      });
      const status = (await podman.docker(['exec', 'lm_container', 'cat', '/proc/self/status'])).stdout;
      expect(status).toMatch(/CapEff:\s0{16}/);
      expect(status).toMatch(/NoNewPrivs:\s1/);
      expect(status).toMatch(/Seccomp:\s2/);
      expect((await harness.sandbox.recreate('none')).error).toBeNull();
      expect((await harness.sandbox.stop()).phase).toBe('stopped');
      expect((await harness.sandbox.start()).phase).toBe('starting');
      await podman.docker(['rm', '--force', '--time', '1', 'lm_container']);
      await whenSandbox(harness, ({ phase }) => phase === 'absent');
      await harness.sandbox.remove(true);
      expect((await podman.docker(['volume', 'ls', '--quiet'])).stdout.trim()).toBe('');
    });

    it('builds the image with steps, and stops a cancelled build', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'lm-build-'));
      await mkdir(join(folder, 'image'), { recursive: true });
      await mkdir(join(folder, 'gateway'), { recursive: true });
      const dockerfile = (command: string) =>
        writeFile(
          join(folder, 'image/Dockerfile'),
          `FROM localhost/lm-docker AS runtime\nUSER 0:0\nRUN ${command}\nUSER 1000:1000\n`,
        );
      await dockerfile('echo built-$((40+2))');
      await harness.settings.update({ imageName: 'lm-built' });
      const images = new ImageService({
        engines: harness.engines,
        settings: harness.settings,
        context: createBuildContext(folder, '/nonexistent'),
        buildArguments: {},
        appVersion: 'test',
        clock: systemClock,
        logger: silentLogger,
      });
      images.build({ withoutCache: true });
      const built = await when(
        images.buildState()!,
        images.onBuildChanged,
        ({ status }) => status !== 'running',
        60_000,
      );
      expect(built).toMatchObject({ status: 'succeeded', error: null });
      expect(built.steps.map((step) => step.name)).toContain('RUN echo built-$((40+2))');
      await whenSandbox(harness, ({ image }) => image.state === 'present' && image.reference === 'lm-built');

      await dockerfile('while :; do sleep 0.1; done');
      images.build({ withoutCache: true });
      await when(
        images.buildState()!,
        images.onBuildChanged,
        ({ steps }) => steps.at(-1)?.name.startsWith('RUN') === true,
      );
      await images.cancelBuild();
      expect(images.buildState()?.status).toBe('cancelled');
      await images.dispose();
      await rm(folder, { recursive: true });
    });
  },
);
