import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findNodeProgram } from './node-program';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lm-node-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function program(name: string, version: string): Promise<string> {
  const file = path.join(folder, name, 'node');
  await import('node:fs/promises').then(({ mkdir }) => mkdir(path.dirname(file)));
  await writeFile(file, `#!/bin/sh\necho ${version}\n`);
  await chmod(file, 0o755);
  return file;
}

const electron = { execPath: '/opt/app/app', nodeVersion: '24.1.0', insideElectron: true };

test('Plain Node runs the model process itself', async () => {
  expect(
    await findNodeProgram({ execPath: '/bin/node', nodeVersion: '20.1.0', insideElectron: false, env: {} }),
  ).toBe('/bin/node');
});

test('Inside Electron the first Node on the PATH that is new enough is taken', async () => {
  const old = await program('old', 'v18.15.0');
  const good = await program('good', 'v20.20.2');
  const env = { PATH: [path.join(folder, 'none'), path.dirname(old), path.dirname(good)].join(':') };
  expect(await findNodeProgram({ ...electron, env })).toBe(good);
});

test('Without a Node that is new enough the error names what was found and the repair', async () => {
  const old = await program('old', 'v18.15.0');
  await expect(findNodeProgram({ ...electron, env: { PATH: path.dirname(old) } })).rejects.toMatchObject({
    data: {
      code: 'model_server_unavailable',
      message: `The embedded llama.cpp needs Node.js 20 or newer on this computer; found: ${old} is v18.15.0.`,
      repair: { text: 'Install Node.js 20 or newer, then try again.' },
    },
  });
});
