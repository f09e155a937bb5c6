import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalGateway } from '../../../electron/adapters/local-gateway';
import type { PreparationProgress } from '../../../electron/services/local-api';
import { freePort, processesWith } from './programs';

// The computer's own pip, with an index that is there and one that is not.

let dataFolder: string;
beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'lm-sandbox-pip-'));
});
afterEach(() => rm(dataFolder, { recursive: true, force: true }));

const gateway = (env: NodeJS.ProcessEnv) =>
  createLocalGateway({
    ...{ dataFolder, dockerFolder: resolve('docker'), appVersion: '0.0.0', modelSocket: null },
    ...{ env, log: () => undefined },
  });

/** What is left of environments, and who still works on one. */
async function remains() {
  return {
    environments: await readdir(join(dataFolder, 'python')).catch(() => []),
    processes: await processesWith(dataFolder),
  };
}
const nothing = { environments: [], processes: [] };

describe('the Python packages of the API', () => {
  it('are not there without the index: said with the repair, nothing left behind, and made once it is back', async () => {
    const offline = gateway({
      ...process.env,
      // Neither what this computer is told otherwise, nor what it has kept.
      ...{ PIP_CONFIG_FILE: '/dev/null', PIP_FIND_LINKS: '', PIP_EXTRA_INDEX_URL: '', PIP_NO_CACHE_DIR: '1' },
      ...{ PIP_INDEX_URL: `http://127.0.0.1:${await freePort()}/simple`, PIP_RETRIES: '1' },
    });
    const seen: PreparationProgress[] = [];
    await expect(
      offline.prepare((progress) => seen.push(progress), new AbortController().signal),
    ).rejects.toMatchObject({
      data: {
        code: 'registry_unreachable',
        message: 'The Python packages of the API could not be fetched from the package index.',
        repair: { text: expect.stringMatching(/^Check the network and the settings of pip/) as string },
        details: { said: expect.stringContaining('No matching distribution found') as string },
        retryable: true,
      },
    });
    expect(seen[0]?.step).toBe('Making a Python environment');
    expect(await remains()).toEqual(nothing);

    const online = gateway(process.env);
    await online.prepare((progress) => seen.push(progress), new AbortController().signal);
    expect(seen.at(-1)?.step).toBe('Installing');
    expect((await remains()).environments).toHaveLength(1);
  });

  it('are left off in the middle without a trace, and made when they are wanted again', async () => {
    const { prepare } = gateway(process.env);
    const left = new AbortController();
    const cancelled = prepare(({ step, completed }) => {
      if (step.startsWith('Fetching ') && completed >= 1) left.abort();
    }, left.signal);
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    expect(await remains()).toEqual(nothing);

    const steps: string[] = [];
    await prepare(({ step }) => steps.push(step), new AbortController().signal);
    expect(steps.at(-1)).toBe('Installing');
    // What is there already is not made again.
    await prepare(({ step }) => steps.push(step), new AbortController().signal);
    expect(steps.filter((step) => step === 'Making a Python environment')).toHaveLength(1);
  });

  it('are left off while the index does not answer', async () => {
    const server = createServer();
    const asked = once(server, 'connection');
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    try {
      const left = new AbortController();
      const cancelled = gateway({
        ...process.env,
        ...{
          PIP_CONFIG_FILE: '/dev/null',
          PIP_FIND_LINKS: '',
          PIP_EXTRA_INDEX_URL: '',
          PIP_NO_CACHE_DIR: '1',
        },
        PIP_INDEX_URL: `http://127.0.0.1:${address.port}/simple`,
      }).prepare(() => undefined, left.signal);
      await Promise.race([asked, cancelled]);
      left.abort();
      await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
      expect(await remains()).toEqual(nothing);
    } finally {
      server.close();
    }
  });
});
