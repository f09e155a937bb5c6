import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type Engine } from '../../support/engine.mjs';
import { ensureSandboxImage } from '../../support/sandbox-image.mjs';
import { ensureSmallModel } from '../../support/model.mjs';
import { readFile } from 'node:fs/promises';
import { Cli } from './harness';
import { describesExec, describesRun } from './run-suite';

describe('lm-sandbox with the real container', () => {
  let engine: Engine;
  const env: NodeJS.ProcessEnv = {};
  const cli = new Cli(env);
  beforeAll(async () => {
    engine = await startEngine({ generation: 'modern', name: 'cli' });
    const imageName = await ensureSandboxImage(engine);
    env['DOCKER_HOST'] = engine.host;
    await cli.open({ imageName, hostPort: 18_477, gpu: 'none' });
    expect((await cli.run('up')).stderr).not.toContain('lm-sandbox:');
  });
  afterAll(async () => {
    await cli.close();
    await engine?.stop();
  });

  describesRun(cli);
  describesExec(cli);

  it('says that it is up, and shows the log', async () => {
    const { code, text } = await cli.run('status');
    expect([code, text]).toEqual([
      0,
      expect.stringMatching(/^sandbox: +up \(container\)\nstate: +healthy\n/),
    ]);
    expect((await cli.run('logs', '-n', '5')).text.trimEnd().split('\n').length).toBe(5);
  });

  it('brings a model in, lists it, asks it, and deletes it', async () => {
    const file = await ensureSmallModel();
    const { child, ended } = cli.start(
      'run',
      'sh',
      '-c',
      'mkdir -p /models/gguf; cat > /models/gguf/Small.gguf',
    );
    child.stdin.end(await readFile(file));
    expect((await ended).code).toBe(0);
    expect((await cli.run('models')).text).toMatch(/^Small +llama-cpp +\d+ MB +unloaded\n$/);
    expect((await cli.run('models', 'load', 'Small')).text).toBe('Loaded Small.\n');
    const answer = await cli.run(
      'chat',
      '--temperature',
      '0',
      '--max-tokens',
      '40',
      'What is the capital of France?',
    );
    expect([answer.code, answer.text]).toEqual([0, expect.stringMatching(/\w{3}/)]);
    const { child: asking, ended: answered } = cli.start('chat', '--json', '--max-tokens', '8');
    asking.stdin.end('Say hello.');
    const events = (await answered).stdout.toString('utf8').trim().split('\n');
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ type: 'end', status: 'complete' });
    expect((await cli.run('models', 'delete', 'Small')).code).toBe(0);
    const { code, stderr } = await cli.run('chat', 'Hello?');
    expect([code, stderr]).toEqual([1, expect.stringContaining('There is no model yet')]);
  });

  it('stops an answer at Ctrl+C', async () => {
    const file = await ensureSmallModel();
    const { child, ended } = cli.start('run', 'sh', '-c', 'cat > /models/gguf/Small.gguf');
    child.stdin.end(await readFile(file));
    await ended;
    const asking = cli.start('chat', '--temperature', '0', 'Count from 1 to 1000, one number a line.');
    asking.child.stdin.end();
    await new Promise((resolve) => asking.child.stdout.once('data', resolve));
    asking.child.kill('SIGINT');
    expect((await asking.ended).code).toBe(130);
  });

  it('is down after down, and up again', async () => {
    expect((await cli.run('down')).code).toBe(0);
    expect((await cli.run('run', 'true')).code).toBe(125);
    expect((await cli.run('up')).code).toBe(0);
    expect((await cli.run('run', 'true')).code).toBe(0);
  });
});
