import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createDockerPtyBackend } from '../../../electron/adapters/docker/exec-pty';
import type { Pty, PtyEnd } from '../../../electron/services/terminal';
import { startEngine, type Engine } from '../../support/engine.mjs';
import { connectTo, openWay, runContainer, type TestContainer } from '../dashboard/harness';

const size = { columns: 91, rows: 27 };

/** One shell with all it has written, and its end. */
class Shell {
  text = '';
  readonly end: Promise<PtyEnd>;
  private readonly looking = new Set<() => void>();

  constructor(readonly pty: Pty) {
    const decoder = new TextDecoder();
    pty.onData((bytes) => {
      this.text += decoder.decode(bytes, { stream: true });
      for (const look of [...this.looking]) look();
    });
    this.end = new Promise((resolve) => pty.onEnd(resolve));
  }

  type(text: string): void {
    this.pty.write(new TextEncoder().encode(text));
  }

  until(pattern: RegExp): Promise<string> {
    return new Promise((resolve) => {
      const look = () => {
        const match = pattern.exec(this.text);
        if (!match) return;
        this.looking.delete(look);
        resolve(match[1] ?? match[0]);
      };
      this.looking.add(look);
      look();
    });
  }
}

describe.each(['debian', 'modern'] as const)('a shell in a container of the %s engine', (generation) => {
  let engine: Engine;
  let container: TestContainer;
  const shells: Shell[] = [];

  beforeAll(async () => {
    engine = await startEngine({ generation, cdi: false, name: 'terminal' });
    container = await runContainer(engine, { arguments: ['--cap-drop', 'ALL', '--user', '1000:1000'] });
  });
  afterEach(async () => {
    await Promise.all(shells.splice(0).map((shell) => shell.pty.kill()));
  });
  afterAll(async () => {
    await container?.remove();
    await engine?.stop();
  });

  const newHost = (socketPath = engine.socketPath) =>
    createDockerPtyBackend({
      connection: connectTo({ ...engine, socketPath }),
      containerId: () => container.id,
    });
  const open = async (host = newHost()) => {
    const shell = new Shell(await host.open(size));
    shells.push(shell);
    return shell;
  };
  /** Number of the shell's process in the container. */
  const processOf = async (shell: Shell) => {
    shell.type('echo "lea""der:$$:"\n');
    return shell.until(/leader:(\d+):/);
  };
  const processes = async () => {
    const commands = `for f in /proc/[0-9]*/cmdline; do printf '%s %s\\n' $f "$(tr '\\0\\n' '  ' < $f)"; done`;
    const lines = (await container.exec('sh', '-c', commands)).split('\n');
    return lines.flatMap(
      (line) => /^\/proc\/(\d+)\/cmdline (?:\/bin\/)?(.+)/.exec(line)?.slice(1).join(' ') ?? [],
    );
  };
  const numbersOf = async (program: RegExp) =>
    (await processes()).filter((line) => program.test(line)).map((line) => line.split(' ')[0]);

  it('is on a TTY of the size asked for, follows a resize, and tells its exit code', async () => {
    const shell = await open();
    shell.type('echo "tty:$(tty):$(stty size):"\n');
    expect(await shell.until(/tty:(\/dev\/pts\/\d+:\d+ \d+):/)).toMatch(/27 91$/);
    shell.pty.resize({ columns: 133, rows: 44 });
    shell.type('until [ "$(stty size)" = "44 133" ]; do :; done; echo "new:$(stty size):"\n');
    await shell.until(/new:44 133:/);
    shell.type('exit 3\n');
    expect(await shell.end).toEqual({ kind: 'exited', exitCode: 3 });
  });

  it('passes every byte untouched', async () => {
    const shell = await open();
    shell.type(
      "stty -opost -echo; printf 'b''egin:'; for i in $(seq 0 255); do printf \"\\\\x$(printf %02x $i)\"; done | base64 -w0; printf ':e''nd'\n",
    );
    const encoded = await shell.until(/begin:([A-Za-z0-9+/=]+):end/);
    expect([...Buffer.from(encoded, 'base64')]).toEqual(Array.from({ length: 256 }, (_, index) => index));
  });

  it('leaves no process behind when it is closed, also of what it runs in the foreground', async () => {
    const shell = await open();
    shell.type('echo "leader:$$:"; sleep 987654\n');
    await shell.until(/leader:(\d+):/);
    await expect
      .poll(() => container.exec('sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "'))
      .toContain('sleep 987654');
    await shell.pty.kill();
    const left = await container.exec(
      'sh',
      '-c',
      'for f in /proc/[0-9]*/cmdline; do tr "\\0" " " < $f; echo; done',
    );
    expect(left).not.toContain('sleep 987654');
    expect(left).not.toContain('bash');
  });

  it('is hung up when its host is killed, and the shells of another host are not', async () => {
    const way = await openWay(engine.socketPath);
    const killed = newHost(way.socketPath);
    const orphans = [await processOf(await open(killed)), await processOf(await open(killed))];
    const other = await open();
    const neighbour = await processOf(other);
    expect(await numbersOf(/bash -l/)).toEqual(expect.arrayContaining([...orphans, neighbour]));
    // As the kernel does with the connections of a process that was killed.
    way.cut();
    await expect.poll(() => numbersOf(/bash -l/), { timeout: 10_000 }).toEqual([neighbour]);
    other.type('echo st""ays\n');
    await other.until(/stays/);
  });

  it('leaves what asked to survive a hang-up when its host is killed', async () => {
    const way = await openWay(engine.socketPath);
    const shell = await open(newHost(way.socketPath));
    const number = await processOf(shell);
    shell.type(
      'cd /tmp; setsid sleep 123456 & nohup sleep 123457 & sleep 123458 & sleep 0.1; echo star""ted\n',
    );
    await shell.until(/started/);
    way.cut();
    await expect.poll(() => numbersOf(/bash -l/), { timeout: 10_000 }).not.toContain(number);
    const left = (await processes()).filter((line) => /\d+ sleep 12345/.test(line));
    expect(left.map((line) => line.split(' ').slice(1).join(' ').trim()).sort()).toEqual([
      'sleep 123456',
      'sleep 123457',
    ]);
    await container.exec('sh', '-c', `kill ${left.map((line) => line.split(' ')[0]).join(' ')}`);
  });

  it('needs no keeper any more once the last one was closed, and gets one with the next', async () => {
    const host = newHost();
    const [first, second] = [await open(host), await open(host)];
    await processOf(first);
    expect(await numbersOf(/keeper LM_SANDBOX_KEEPER/)).toHaveLength(1);
    await first.pty.kill();
    expect(await numbersOf(/keeper LM_SANDBOX_KEEPER/)).toHaveLength(1);
    await second.pty.kill();
    const third = await open(host);
    await processOf(third);
    // The first keeper ends, and does not take the new shell with it.
    await expect.poll(() => numbersOf(/keeper LM_SANDBOX_KEEPER/), { timeout: 10_000 }).toHaveLength(1);
    third.type('echo st""ays\n');
    await third.until(/stays/);
    await third.pty.kill();
    await expect.poll(() => numbersOf(/keeper LM_SANDBOX_KEEPER/), { timeout: 10_000 }).toEqual([]);
  });

  it.each([
    ['stopped', () => container.stop()],
    ['started anew', () => engine.docker(['restart', '--time', '1', container.id])],
    ['killed', () => engine.docker(['kill', container.id])],
  ])('says that the sandbox was stopped when the container is %s under it', async (_how, stop) => {
    const shell = await open();
    shell.type('echo re""ady\n');
    await shell.until(/ready/);
    await stop();
    expect(await shell.end).toMatchObject({
      kind: 'lost',
      error: { code: 'container_not_running', message: 'The sandbox was stopped, and this shell with it.' },
    });
    await container.start();
  });

  it('says that the sandbox was stopped when the container is removed under it', async () => {
    const kept = container;
    container = await runContainer(engine, { arguments: ['--user', '1000:1000'] });
    try {
      const shell = await open();
      await processOf(shell);
      await container.remove();
      expect(await shell.end).toMatchObject({ kind: 'lost', error: { code: 'container_not_running' } });
    } finally {
      container = kept;
    }
  });

  it('has exited with 137, and was not stopped, when it alone is killed', async () => {
    const shell = await open();
    shell.type('kill -9 $$\n');
    expect(await shell.end).toEqual({ kind: 'exited', exitCode: 137 });
  });

  it('says that the container does not run when one is asked for then', async () => {
    await container.stop();
    await expect(open()).rejects.toMatchObject({ code: 'container_not_running' });
    await container.start();
  });

  it('is reported lost with a repair when the engine dies', async () => {
    const shell = await open();
    shell.type('echo re""ady\n');
    await shell.until(/ready/);
    shells.splice(0);
    await engine.kill();
    expect(await shell.end).toMatchObject({ kind: 'lost', error: { code: 'engine_connection_lost' } });
    await engine.restart();
  });
});
