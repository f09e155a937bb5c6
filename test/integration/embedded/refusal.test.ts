import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createEmbeddedRuntime } from '../../../electron/adapters/bubblewrap';
import { bubblewrapRefused } from '../../../electron/adapters/bubblewrap/refusals';
import { openPlace, runLaunch } from './harness';
import { describeWithBubblewrap } from './with-bubblewrap';

const wishes = { network: false, processes: 64, memoryBytes: null, cpus: null };

describe('a computer that lets nothing isolate', () => {
  let folder: string;
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function runtimeWith(program: string | null) {
    folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-refusal-'));
    const runtime = createEmbeddedRuntime({ dataFolder: folder, env: process.env, program });
    await runtime.prepareFolders();
    return runtime;
  }

  it('says that bubblewrap is missing', async () => {
    const runtime = await runtimeWith(null);
    await expect(runtime.tryBubblewrap(wishes)).rejects.toMatchObject({ code: 'isolation_missing' });
  });

  it('says that a bubblewrap does not work, whatever it is', async () => {
    const runtime = await runtimeWith('/bin/false');
    await expect(runtime.tryBubblewrap(wishes)).rejects.toMatchObject({
      code: 'isolation_refused',
      message: 'Bubblewrap ended with status 1 without a word.',
    });
  });
});

describeWithBubblewrap('a kernel that refuses', () => {
  it("is told from bubblewrap's own words", async () => {
    // Inside the sandbox nobody may make namespaces, so a second bubblewrap is refused for real.
    const place = await openPlace(process.getuid?.() ?? null, {});
    const command = ['bwrap', '--unshare-all', '--ro-bind', '/', '/', 'true'] as const;
    const { exitCode, output } = await runLaunch(
      place.prepared.launch({ command: [...command], terminal: false }),
      { userId: place.userId },
    );
    await place.remove();
    expect(exitCode).not.toBe(0);
    const facts = {
      ...{ platform: 'linux', asRoot: false, distribution: [], apparmorRestricts: false },
      ...{ userNamespacesAllowed: null, maxUserNamespaces: null, inContainer: false },
    };
    expect(bubblewrapRefused('bwrap', { exitCode, message: output }, facts).message).toBe(
      'The system does not let bubblewrap make namespaces.',
    );
  });
});
