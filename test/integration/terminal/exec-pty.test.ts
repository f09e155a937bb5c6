import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createDockerPtyBackend } from '../../../electron/adapters/docker/exec-pty';
import type { Pty, PtyEnd } from '../../../electron/services/terminal';
import { startEngine, type Engine } from '../../support/engine.mjs';
import { connectTo, runContainer, type TestContainer } from '../dashboard/harness';

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

  const open = async () => {
    const backend = createDockerPtyBackend({
      connection: connectTo(engine),
      containerId: () => container.id,
    });
    const shell = new Shell(await backend.open(size));
    shells.push(shell);
    return shell;
  };

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

  it('is reported lost, not exited, when the container is stopped under it', async () => {
    const shell = await open();
    shell.type('echo re""ady\n');
    await shell.until(/ready/);
    await container.stop();
    const end = await shell.end;
    // The engine knows how the shell ended, or that it is gone; neither is an exit with 0.
    expect(end.kind === 'lost' || end.exitCode !== 0).toBe(true);
    await container.start();
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
