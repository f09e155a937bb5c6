import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { takeLock } from '../../support/cache.mjs';
import { startEngine } from '../../support/engine.mjs';

const run = promisify(execFile);
const engineModule = fileURLToPath(new URL('../../support/engine.mjs', import.meta.url));

const bridges = async () =>
  (await run('ip', ['-brief', 'link'])).stdout.split('\n').map((line) => line.split(/\s+/)[0]);

describe('the engines of the tests', () => {
  it('leave no process, bridge or rule behind when their test process is killed', async () => {
    const script = `
      import { startEngine } from ${JSON.stringify(engineModule)};
      const engine = await startEngine({ generation: 'debian', name: 'support-killed' });
      const info = await engine.call('GET', '/networks/bridge');
      console.log(JSON.stringify([engine.socketPath, info.Options['com.docker.network.bridge.name']]));
      setInterval(() => undefined, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
    const [socketPath = '', bridge = ''] = JSON.parse(line) as string[];
    expect(await bridges()).toContain(bridge);

    owner.kill('SIGKILL');
    // The lock is inherited by every process of the engine: it is free when the last one is gone.
    const release = await takeLock(socketPath.replace(/docker\.sock$/, 'lock'));
    await release?.();

    expect(await bridges()).not.toContain(bridge);
    expect((await run('iptables-save')).stdout).not.toContain(bridge);
    expect((await run('ps', ['-eo', 'args'])).stdout).not.toContain(socketPath);
  });

  it('run side by side, and one of them can hang, crash and come back without the other', async () => {
    const modern = await startEngine({ generation: 'modern', name: 'support-modern' });
    const debian = await startEngine({ generation: 'debian', name: 'support-debian' });
    try {
      await modern.freeze();
      const answer = modern.call('GET', '/_ping').then(() => 'answered');
      expect(await Promise.race([answer, debian.call('GET', '/version')])).toMatchObject({
        ApiVersion: '1.41',
      });
      await modern.thaw();
      expect(await answer).toBe('answered');

      await modern.kill();
      await expect(modern.call('GET', '/_ping')).rejects.toThrow(/ECONNREFUSED|ENOENT/);
      await modern.start();
      expect(await modern.call('GET', '/version')).toMatchObject({ Version: modern.version });
    } finally {
      await modern.stop();
      await debian.stop();
    }
  });
});
