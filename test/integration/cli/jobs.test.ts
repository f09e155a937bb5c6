import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startEngine, type Engine } from '../../support/engine.mjs';
import { ensureSmallModel } from '../../support/model.mjs';
import { startModelRegistry } from '../../support/registry.mjs';
import { ensureSandboxImage } from '../../support/sandbox-image.mjs';
import { Cli, markedSeconds, sleeping, type Started } from './harness';

const root = join(__dirname, '../../..');
const built = 'lm-cli-built';

/** What docs/cli.md promises of `build --json`. */
const buildLine = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('log'), line: z.string() }),
  z.strictObject({ type: z.literal('progress'), status: z.string(), steps: z.array(z.unknown()) }),
  z.strictObject({
    type: z.literal('end'),
    status: z.string(),
    reference: z.string(),
    error: z.unknown(),
  }),
]);
/** And of `models pull --json`. */
const pullLine = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('progress'),
    name: z.string(),
    phase: z.string(),
    status: z.string(),
    completedBytes: z.number().nullable(),
    totalBytes: z.number().nullable(),
  }),
  z.strictObject({ type: z.literal('end'), name: z.string(), status: z.string(), error: z.unknown() }),
]);
const upLine = z.looseObject({
  up: z.literal(true),
  place: z.literal('container'),
  sandbox: z.looseObject({
    phase: z.literal('healthy'),
    container: z.looseObject({ id: z.string() }),
    image: z.looseObject({ reference: z.string() }),
  }),
});

function linesOf<T>(text: string, schema: z.ZodType<T>): T[] {
  return text
    .trim()
    .split('\n')
    .map((line) => schema.parse(JSON.parse(line)));
}

/** Resolves once the output matches. */
async function shown({ child }: Started, wanted: RegExp): Promise<void> {
  const decoder = new TextDecoder();
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += decoder.decode(bytes, { stream: true })));
  await expect.poll(() => text, { timeout: 60_000 }).toMatch(wanted);
}

describe('jobs of lm-sandbox with a real engine', () => {
  let engine: Engine;
  let scratch = '';
  const env: NodeJS.ProcessEnv = {};
  let cli: Cli;

  /** The program as it is built, with a Dockerfile that is quick: the host builds what lies beside it. */
  const writeDockerfile = (lines: readonly string[]) =>
    writeFile(
      join(scratch, 'docker/image/Dockerfile'),
      ['FROM lm-docker AS runtime', 'USER root', ...lines, 'USER 1000:1000', ''].join('\n'),
    );

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'lm-sandbox-jobs-'));
    await cp(join(root, 'out/main'), join(scratch, 'out/main'), { recursive: true });
    await cp(join(root, 'package.json'), join(scratch, 'package.json'));
    await symlink(join(root, 'node_modules'), join(scratch, 'node_modules'));
    for (const folder of ['docker/image/extra-ca-certificates', 'docker/gateway']) {
      await mkdir(join(scratch, folder), { recursive: true });
    }
    engine = await startEngine({ generation: 'modern', name: 'cli' });
    await ensureSandboxImage(engine);
    // The engine keeps what an earlier run has made.
    await engine.docker(['rm', '--force', 'lm-cli-jobs'], { allowFailure: true });
    await engine.docker(['image', 'rm', '--force', built], { allowFailure: true });
    env['DOCKER_HOST'] = engine.host;
    cli = new Cli(env, join(scratch, 'out/main/cli.cjs'));
    await cli.open({ imageName: built, hostPort: 18_478, gpu: 'none', containerName: 'lm-cli-jobs' });
  });
  afterAll(async () => {
    await cli?.close();
    await engine?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  it('says without an image how one is built', async () => {
    const { code, stderr } = await cli.run('up', '--json');
    expect([code, JSON.parse(stderr)]).toMatchObject([
      1,
      { error: { code: 'image_missing', repair: { command: 'lm-sandbox up --build' } } },
    ]);
  });

  it('ends a build at Ctrl+C, and what it ran', async () => {
    const seconds = markedSeconds();
    await writeDockerfile([`RUN echo begun; sleep ${seconds}`]);
    const building = cli.start('build', '--json');
    building.child.stdin.end();
    await shown(building, /"line":"begun"/);
    expect(await sleeping(seconds)).not.toEqual([]);
    building.child.kill('SIGINT');
    const { code, stdout } = await building.ended;
    expect(code).toBe(130);
    expect(linesOf(stdout.toString('utf8'), buildLine).at(-1)).toMatchObject({
      type: 'end',
      status: 'cancelled',
    });
    await expect.poll(() => sleeping(seconds), { timeout: 20_000 }).toEqual([]);
  });

  it('tells a build that fails, and why', async () => {
    await writeDockerfile(['RUN echo torn; exit 3']);
    const { code, stderr, text } = await cli.run('build', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'image_build_failed' } });
    const lines = linesOf(text, buildLine);
    expect(lines).toContainEqual({ type: 'log', line: 'torn' });
    expect(lines.at(-1)).toMatchObject({ type: 'end', status: 'failed', reference: built });
  });

  it('builds the image, and tells its log, its steps and its end', async () => {
    await writeDockerfile(['RUN echo made']);
    const { code, text } = await cli.run('build', '--json');
    expect(code).toBe(0);
    const lines = linesOf(text, buildLine);
    expect(lines).toContainEqual({ type: 'log', line: 'made' });
    expect(lines.filter(({ type }) => type === 'progress').length).toBeGreaterThan(0);
    expect(lines.at(-1)).toEqual({ type: 'end', status: 'succeeded', reference: built, error: null });
    const again = await cli.run('build');
    expect([again.code, again.text]).toEqual([0, '']);
    expect(again.stderr).toContain(`The image ${built} was built.`);
  });

  it('comes up from an image that it builds first, and anew with --recreate', async () => {
    await writeDockerfile(['RUN echo second']);
    const first = await cli.run('up', '--build', '--json');
    expect([first.code, first.stderr]).toEqual([0, expect.stringContaining('second')]);
    const [up] = linesOf(first.text, upLine);
    expect(up?.sandbox.image.reference).toBe(built);
    const same = await cli.run('up', '--json');
    const anew = await cli.run('up', '--recreate', '--json');
    const ids = [same, anew].map(({ text }) => linesOf(text, upLine)[0]?.sandbox.container.id);
    expect(ids[0]).toBe(up?.sandbox.container.id);
    expect(ids[1]).not.toBe(up?.sandbox.container.id);
    expect((await cli.run('run', 'true')).code).toBe(0);
  });

  it('pulls a model with its progress, after a pull that Ctrl+C ended', async () => {
    const registry = await startModelRegistry({ address: engine.hostAddress, bytesPerSecond: 4_000_000 });
    try {
      const name = await registry.publish({ name: 'library/smollm2', file: await ensureSmallModel() });
      const pulling = cli.start('models', 'pull', '--json', name);
      pulling.child.stdin.end();
      await shown(pulling, /"completedBytes":[1-9]\d{6}/);
      pulling.child.kill('SIGINT');
      const cut = await pulling.ended;
      expect(cut.code).toBe(130);
      expect(linesOf(cut.stdout.toString('utf8'), pullLine).at(-1)).toEqual({
        ...{ type: 'end', name, status: 'cancelled', error: null },
      });
      expect((await cli.run('models')).text).not.toContain(name);

      registry.setThrottle(undefined);
      const { code, text } = await cli.run('models', 'pull', '--json', name);
      const lines = linesOf(text, pullLine);
      expect([code, lines.at(-1)]).toEqual([0, { type: 'end', name, status: 'succeeded', error: null }]);
      expect(lines.every((line) => line.name === name)).toBe(true);
      expect((await cli.run('models')).text).toMatch(new RegExp(`^${name} +ollama +\\d+ MB +unloaded`, 'm'));
      const missing = await cli.run('models', 'pull', '--json', `${registry.host}/library/nothing`);
      expect([missing.code, JSON.parse(missing.stderr)]).toMatchObject([
        1,
        { error: { code: 'model_not_found' } },
      ]);
    } finally {
      await registry.stop();
    }
  });
});
