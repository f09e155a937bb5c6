import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { doorPaths } from '../../../electron/contract';
import { localDoorPath, localHostClient, type LocalHostClient } from '../../../electron/headless/local';
import { Cli, markedSeconds, sleeping } from '../cli/harness';
import { describeWithBubblewrap } from '../embedded/with-bubblewrap';

const program = join(__dirname, '../../../out/main/headless.cjs');
const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

const started: Serving[] = [];
afterEach(async () => {
  for (const each of started.splice(0)) await each.end('SIGKILL');
});

/** `npm start -- --serve --json`, with what it says line by line. */
class Serving {
  readonly lines: Record<string, unknown>[] = [];
  readonly ended: Promise<number | null>;
  stderr = '';
  private readonly child;

  constructor(dataFolder: string, ...args: readonly string[]) {
    this.child = spawn(
      process.execPath,
      [program, '--serve', '--json', '--data-folder', dataFolder, ...args],
      {
        env: { ...process.env, ...noEngine, JOURNAL_STREAM: undefined },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let text = '';
    this.child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const whole = text.split('\n');
      text = whole.pop() ?? '';
      this.lines.push(...whole.map((line) => JSON.parse(line) as Record<string, unknown>));
    });
    this.child.stderr.setEncoding('utf8').on('data', (piece: string) => (this.stderr += piece));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    started.push(this);
  }

  /** Its first line, once it is open; fails at once when it ends instead. */
  async opened(): Promise<Record<string, unknown>> {
    const early = this.ended.then((code) => {
      throw new Error(`it ended with ${String(code)}: ${this.stderr}`);
    });
    early.catch(() => undefined);
    await Promise.race([expect.poll(() => this.lines.length, { timeout: 30_000 }).toBeGreaterThan(0), early]);
    return this.lines[0] ?? {};
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }

  failure(): unknown {
    return JSON.parse(this.stderr.trim().split('\n').at(-1) ?? '');
  }
}

/** Process ids of the hosts in the background of a data folder. */
async function backgroundHosts(dataFolder: string): Promise<string[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const words = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0');
      return words.includes('--background') && words.includes(dataFolder) ? name : null;
    }),
  );
  return found.filter((name) => name !== null);
}

async function signIn(url: unknown): Promise<number> {
  const { hash, origin } = new URL(String(url));
  const answer = await fetch(origin + doorPaths.session, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: origin },
    body: JSON.stringify({ token: hash.replace('#token=', '') }),
  });
  return answer.status;
}

describe('serving browsers while a host runs in the background', () => {
  const cli = new Cli(noEngine);
  let program: LocalHostClient | null = null;
  beforeEach(() => cli.open({}));
  afterEach(async () => {
    program?.close();
    await cli.close();
  });

  /** Something that needs the host. */
  const connect = async () => {
    program = await localHostClient(localDoorPath(cli.dataFolder));
    expect(program).not.toBeNull();
  };

  it('takes the place of one that nothing needs, and only when that one is gone', async () => {
    await cli.run('status');
    expect(await backgroundHosts(cli.dataFolder)).toHaveLength(1);
    const serving = new Serving(cli.dataFolder, '--port', '0');
    const opened = await serving.opened();
    expect(opened).toMatchObject({ background: false });
    expect(await backgroundHosts(cli.dataFolder)).toEqual([]);
    expect(await signIn(opened['url'])).toBe(201);
    const status = JSON.parse((await cli.run('status', '--json')).text) as unknown;
    expect(status).toMatchObject({ browserAddress: opened['origin'] });
  });

  it('loses no call that comes while the place is taken', async () => {
    await cli.run('status');
    const serving = new Serving(cli.dataFolder);
    const calls = Array.from({ length: 6 }, () => cli.run('status', '--json'));
    for (const { stderr, text } of await Promise.all(calls)) {
      expect([stderr, JSON.parse(text)]).toMatchObject(['', { host: { dataFolder: cli.dataFolder } }]);
    }
    await serving.opened();
  });

  it('lets browsers in at one that is needed, and closes that door at its end', async () => {
    await cli.run('status');
    await connect();
    const [hostId] = await backgroundHosts(cli.dataFolder);
    const serving = new Serving(cli.dataFolder);
    const opened = await serving.opened();
    expect(opened).toMatchObject({ type: 'open', way: 'browser', background: true });
    expect(serving.stderr).toContain('for one connected program');
    expect(await signIn(opened['url'])).toBe(201);
    expect(await program?.client.call('door.status', null)).toMatchObject({ origin: opened['origin'] });
    const second = new Serving(cli.dataFolder);
    expect([await second.ended, second.failure()]).toMatchObject([1, { error: { code: 'conflict' } }]);
    expect(await serving.end()).toBe(0);
    expect(serving.lines.at(-1)).toEqual({ type: 'end', exitCode: 0 });
    expect(await program?.client.call('door.status', null)).toMatchObject({ state: 'closed' });
    expect(await backgroundHosts(cli.dataFolder)).toEqual([hostId]);
  });

  it('leaves no door open when it is killed', async () => {
    await cli.run('status');
    await connect();
    const serving = new Serving(cli.dataFolder);
    await serving.opened();
    await serving.end('SIGKILL');
    const state = async () => (await program?.client.call('door.status', null))?.state;
    await expect.poll(state).toBe('closed');
  });

  it('ends when the host in the background does, or a page closes the door', async () => {
    await cli.run('status');
    await connect();
    const first = new Serving(cli.dataFolder);
    await first.opened();
    await program?.client.call('door.setOpen', { open: false });
    expect([await first.ended, first.failure()]).toMatchObject([1, { error: { code: 'disconnected' } }]);
    const second = new Serving(cli.dataFolder);
    await second.opened();
    await cli.run('down', '--host');
    expect([await second.ended, second.failure()]).toMatchObject([1, { error: { code: 'disconnected' } }]);
  });

  it('says what needs that host where it was asked for what only a host of its own can do', async () => {
    await cli.run('status');
    await connect();
    const refused = new Serving(cli.dataFolder, '--port', '0');
    expect([await refused.ended, refused.lines]).toEqual([1, []]);
    expect(refused.failure()).toMatchObject({
      error: {
        code: 'conflict',
        message: `A host in the background runs for ${cli.dataFolder}, for one connected program; it cannot take over --port.`,
        details: { neededBy: 'connection' },
        repair: { command: 'lm-sandbox down --host' },
      },
    });
    expect(await backgroundHosts(cli.dataFolder)).toHaveLength(1);
  });
});

describeWithBubblewrap('serving browsers while commands run in the background', () => {
  const cli = new Cli(noEngine);
  beforeEach(() => cli.open({ sandboxPlace: 'embedded' }));
  afterEach(() => cli.close());

  it('ends none of them', async () => {
    const seconds = markedSeconds();
    const { child, ended } = cli.start('run', 'sh', '-c', `echo on; sleep ${seconds}; echo never`);
    await once(child.stdout, 'data');
    const serving = new Serving(cli.dataFolder);
    expect(await serving.opened()).toMatchObject({ background: true });
    expect(serving.stderr).toContain('one command and the embedded sandbox, which is up');
    expect(await serving.end()).toBe(0);
    expect(await sleeping(seconds)).toHaveLength(1);
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  });

  it('waits for a host that is ending until it has let its files go', async () => {
    const stubborn = `trap '' HUP TERM INT; echo on; sleep ${markedSeconds()}`;
    const { child, ended } = cli.start('run', 'bash', '-c', stubborn);
    await once(child.stdout, 'data');
    const local = await localHostClient(localDoorPath(cli.dataFolder));
    await local?.client.call('host.end', null);
    const serving = new Serving(cli.dataFolder, '--port', '0');
    expect(await serving.opened()).toMatchObject({ background: false });
    expect(await backgroundHosts(cli.dataFolder)).toEqual([]);
    expect(await serving.end()).toBe(0);
    await ended;
  });
});
