import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureRandomModel } from '../../support/model.mjs';
import { startModelRegistry, type ModelRegistry } from '../../support/registry.mjs';

const run = promisify(execFile);

describe('the registry of the tests', () => {
  let registry: ModelRegistry;
  let blob: string;

  beforeAll(async () => {
    registry = await startModelRegistry();
    const name = await registry.publish({ name: 'library/random', file: await ensureRandomModel() });
    expect(name).toBe(`${registry.host}/library/random:latest`);
    const manifest = await fetch(`${registry.url}/v2/library/random/manifests/latest`, {
      headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
    });
    const { layers } = (await manifest.json()) as { layers: { digest: string }[] };
    blob = `${registry.url}/v2/library/random/blobs/${layers[0]!.digest}`;
  });
  afterAll(() => registry.stop());

  it('sends blobs to another host name, as the big ones do', async () => {
    const answer = await fetch(blob, { redirect: 'manual' });
    expect(answer.status).toBe(307);
    expect(new URL(answer.headers.get('location')!).hostname).not.toBe('127.0.0.1');
  });

  it('gives back the bytes that were published', async () => {
    const file = join(tmpdir(), `lm-sandbox-blob-${process.pid}`);
    await writeFile(file, Buffer.from(await (await fetch(blob)).arrayBuffer()));
    await run('cmp', [file, await ensureRandomModel()]);
    await run('rm', [file]);
  });

  it('breaks a transfer when it is cut, and serves again afterwards', async () => {
    registry.setThrottle(100_000);
    const answer = await fetch(blob);
    registry.cut();
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await expect(fetch(registry.url)).rejects.toThrow();
    registry.restore();
    registry.setThrottle(undefined);
    expect((await fetch(blob)).status).toBe(200);
  });
});
