import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cli, useCli } from './harness';

describe('the command line of lm-sandbox', () => {
  const cli = useCli(new Cli({ DOCKER_HOST: 'unix:///nonexistent/docker.sock' }), {});
  const verbs = [
    'run',
    'exec',
    'up',
    'down',
    'status',
    'build',
    'logs',
    'chat',
    'models',
    'completion',
    'start',
    'serve',
  ];

  it('explains itself and every verb without a host', async () => {
    const whole = await cli.run('--help');
    expect(whole.code).toBe(0);
    for (const verb of verbs) {
      expect(whole.text).toContain(`lm-sandbox ${verb}`);
      const { code, text } = await cli.run(verb, '--help');
      expect([code, text]).toEqual([0, expect.stringContaining(`lm-sandbox ${verb}`)]);
    }
    expect(await cli.hostRuns()).toBe(false);
  });

  it('ends with 2 for what it does not understand, and says where help is', async () => {
    for (const words of [
      ['dance'],
      ['status', '--dance'],
      ['status', 'now'],
      ['run'],
      ['run', '--timeout', 'soon', 'true'],
    ]) {
      const { code, stderr } = await cli.run(...words);
      expect([words, code, stderr]).toEqual([words, 2, expect.stringMatching(/lm-sandbox: .+\n.*--help/)]);
    }
  });

  it('says without an engine what to do, as text and as JSON', async () => {
    const { code, stderr } = await cli.run('up');
    expect([code, stderr]).toEqual([1, expect.stringContaining('lm-sandbox up --embedded')]);
    const json = JSON.parse((await cli.run('up', '--json')).stderr) as unknown;
    expect(json).toHaveProperty('error.message');
    expect(json).toHaveProperty('error.repair.text');
    expect((await cli.run('run', 'true')).code).toBe(125);
  });

  it.each(['serve', 'start'])(
    '%s without a display tells programs in JSON where browsers come in',
    async (verb) => {
      const script = join(__dirname, '../../../scripts/lm-sandbox.mjs');
      const child = spawn(process.execPath, [script, verb, '--json', '--port', '0'], {
        env: {
          ...process.env,
          ...{ DOCKER_HOST: 'unix:///nonexistent/docker.sock', LM_SANDBOX_DATA_FOLDER: cli.dataFolder },
          ...{ DISPLAY: undefined, WAYLAND_DISPLAY: undefined, JOURNAL_STREAM: undefined },
        },
      });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      await expect.poll(() => stdout, { timeout: 60_000 }).toContain('\n');
      expect(JSON.parse(stdout)).toMatchObject({ type: 'open', way: 'browser' });
      expect(await cli.hostRuns()).toBe(true);
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
      expect(stdout.trim().split('\n').at(-1)).toBe('{"type":"end","exitCode":0}');
    },
  );

  it('refuses a terminal where there is none', async () => {
    const { code, stderr } = await cli.run('exec');
    expect([code, stderr]).toEqual([125, expect.stringContaining('needs a terminal')]);
  });
});
