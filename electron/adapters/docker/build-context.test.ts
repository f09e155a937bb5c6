import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBuildContext } from './build-context';

let folder: string;
const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

const write = async (path: string, text: string) => {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lm-context-'));
  await write('docker/image/Dockerfile', 'FROM x\n');
  await write('docker/image/scripts/run.sh', '#!/bin/sh\n');
  await chmod(join(folder, 'docker/image/scripts/run.sh'), 0o700);
  await write('docker/image/extra-ca-certificates/README', 'certificates go here');
  await write('docker/gateway/src/main.py', 'print()\n');
});
afterEach(() => rm(folder, { recursive: true }));

const context = () => createBuildContext(join(folder, 'docker'), join(folder, 'system-ca'));

async function read(certificatesFolder: string | null = null) {
  const { stream, certificates } = await context().open(certificatesFolder);
  const hash = createHash('sha256');
  const entries: Record<string, string> = {};
  const tar = extract();
  stream.on('data', (chunk: Uint8Array) => hash.update(chunk));
  const reading = (async () => {
    for await (const entry of tar) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(Buffer.from(chunk as Uint8Array));
      const text = Buffer.concat(chunks).toString('utf8');
      entries[entry.header.name] = `${entry.header.mode?.toString(8)} ${entry.header.linkname ?? text}`;
    }
  })();
  await Promise.all([pipeline(stream, tar), reading]);
  return { entries, certificates, digest: hash.digest('hex') };
}

describe('the build context', () => {
  it('holds the image and the gateway, and nothing that development leaves or tests need', async () => {
    await write('docker/compose/compose.yaml', 'x');
    await write('docker/README.md', 'x');
    await write('docker/gateway/src/__pycache__/main.pyc', 'x');
    await write('docker/gateway/tests/test_main.py', 'x');
    await write('docker/gateway/requirements-test.txt', 'x');
    await write('docker/gateway/.venv/x', 'x');
    await symlink('main.py', join(folder, 'docker/gateway/src/link.py'));
    expect((await read()).entries).toEqual({
      'gateway/src/': '755 ',
      'gateway/src/link.py': '644 main.py',
      'gateway/src/main.py': '644 print()\n',
      'image/Dockerfile': '644 FROM x\n',
      'image/extra-ca-certificates/': '755 ',
      'image/scripts/': '755 ',
      'image/scripts/run.sh': '755 #!/bin/sh\n',
    });
  });

  it('is the same bytes whatever the times and masks of its files are', async () => {
    const first = await read();
    await utimes(join(folder, 'docker/image/Dockerfile'), 1, 1);
    await chmod(join(folder, 'docker/gateway/src/main.py'), 0o600);
    expect((await read()).digest).toBe(first.digest);
  });

  it("takes the system's own certificates when no folder is named, and none where there are none", async () => {
    expect((await read()).certificates).toEqual([]);
    await write('system-ca/proxy.crt', certificate);
    await write('system-ca/notes.txt', 'not one');
    const { entries, certificates } = await read();
    expect(certificates).toEqual(['proxy.crt']);
    expect(entries['image/extra-ca-certificates/proxy.crt']).toBe(`644 ${certificate}`);
  });

  it('takes those of the named folder instead, and says when that cannot be', async () => {
    await write('system-ca/proxy.crt', certificate);
    await write('own/mine.crt', certificate);
    expect((await read(join(folder, 'own'))).certificates).toEqual(['mine.crt']);
    await expect(context().open(join(folder, 'missing'))).rejects.toMatchObject({
      code: 'not_found',
      data: { repair: { text: expect.stringContaining('extra CA certificates') as string } },
    });
    await write('own/der.crt', '\u0030\u0082');
    await expect(context().open(join(folder, 'own'))).rejects.toMatchObject({ code: 'invalid_input' });
    await write('own/der.crt', 'x'.repeat(1024 * 1024 + 1));
    await expect(context().open(join(folder, 'own'))).rejects.toMatchObject({ code: 'too_large' });
  });
});

describe('the revision', () => {
  it('is a short hash that changes with content, names and rights, and with nothing else', async () => {
    const first = await context().revision();
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    await utimes(join(folder, 'docker/image/Dockerfile'), 1, 1);
    await write('docker/gateway/tests/test_main.py', 'x');
    await write('docker/image/extra-ca-certificates/mine.crt', certificate);
    expect(await context().revision()).toBe(first);

    await write('docker/gateway/src/main.py', 'print(1)\n');
    const changed = await context().revision();
    expect(changed).not.toBe(first);
    await chmod(join(folder, 'docker/gateway/src/main.py'), 0o755);
    expect(await context().revision()).not.toBe(changed);
  });

  it('rejects where there is no docker folder', async () => {
    await expect(createBuildContext(join(folder, 'nothing')).revision()).rejects.toThrow();
  });
});
