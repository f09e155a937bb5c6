import { expect, it } from 'vitest';
import { describeWithBubblewrap } from '../embedded/with-bubblewrap';
import { Cli, useCli } from './harness';
import { describesExec, describesRun } from './run-suite';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

describeWithBubblewrap('lm-sandbox in the embedded sandbox', () => {
  const cli = useCli(new Cli(noEngine), { sandboxPlace: 'embedded' });
  describesRun(cli);
  describesExec(cli);

  it('says that it is up, how it is isolated, and where it is down', async () => {
    const up = await cli.run('status');
    expect(up.code).toBe(0);
    expect(up.text).toMatch(
      /^sandbox: +up \(embedded\)\nstate: +ready\nisolation: bubblewrap\nnetwork: +off\n/,
    );
    expect(JSON.parse((await cli.run('status', '--json')).text)).toMatchObject({
      up: true,
      place: 'embedded',
    });
    await cli.run('down');
    const down = await cli.run('status');
    expect([down.code, down.text]).toEqual([1, expect.stringMatching(/^sandbox: +not up/)]);
    const refused = await cli.run('run', 'true');
    expect([refused.code, refused.stderr]).toEqual([125, expect.stringContaining('is not running')]);
    expect((await cli.run('up')).code).toBe(0);
    expect((await cli.run('run', 'true')).code).toBe(0);
  });

  it('has no log, and says so', async () => {
    const { code, stderr } = await cli.run('logs');
    expect([code, stderr]).toEqual([1, expect.stringContaining('has no log')]);
  });
});

describeWithBubblewrap('the host that lm-sandbox starts', () => {
  const cli = useCli(new Cli({ ...noEngine, LM_SANDBOX_IDLE_SECONDS: '1' }), { sandboxPlace: 'embedded' });

  it('is one for all that are started at once, stays while the sandbox is up, and ends by itself after that', async () => {
    expect(await cli.hostRuns()).toBe(false);
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => cli.run('run', 'echo', 'here')));
    expect(outcomes.map(({ code, stderr, text }) => [code, stderr, text])).toEqual(
      Array.from({ length: 5 }, () => [0, '', 'here\n']),
    );
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await cli.hostRuns()).toBe(true);
    await cli.run('down');
    await expect.poll(() => cli.hostRuns(), { timeout: 15_000 }).toBe(false);
  });

  it('is ended by down --host', async () => {
    await cli.run('status');
    expect((await cli.run('down', '--host')).code).toBe(0);
    await expect.poll(() => cli.hostRuns(), { timeout: 15_000 }).toBe(false);
  });
});
