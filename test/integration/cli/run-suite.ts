import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { createLocalPtyBackend } from '../../../electron/adapters/pty/local-pty';
import { markedSeconds, program, sleeping, type Cli } from './harness';

/** What `lm-sandbox run` promises in either place. */
export function describesRun(cli: Cli): void {
  it('hands both streams and the exit code over, and adds nothing', async () => {
    const { code, stderr, stdout } = await cli.run(
      'run',
      '--',
      'sh',
      '-c',
      "printf '\\377\\0a'; printf b >&2; exit 7",
    );
    expect([code, [...stdout], stderr]).toEqual([7, [255, 0, 97], 'b']);
  });

  it('gives the streams by name, too', async () => {
    const script = 'cat /dev/stdin > /dev/stdout; echo err > /dev/stderr; cat /dev/stdin';
    const { child, ended } = cli.start('run', 'sh', '-c', script);
    child.stdin.end('given');
    const { code, stderr, stdout } = await ended;
    expect([code, stdout.toString(), stderr]).toEqual([0, 'given', 'err\n']);
  });

  it('tells a death by signal, and a program that there is not, as shells do', async () => {
    expect((await cli.run('run', 'sh', '-c', 'kill -9 $$')).code).toBe(137);
    expect((await cli.run('run', 'sh', '-c', 'kill -TERM $$')).code).toBe(143);
    const missing = await cli.run('run', 'no-such-program');
    expect(missing.code).toBe(127);
    expect(missing.stderr).toContain('no-such-program');
  });

  it('takes arguments as they are, in a folder and with variables that are named', async () => {
    const words = ['a b', "it's", '$HOME', '*', '', '-x', '--json', 'é\n'];
    const printed = await cli.run('run', '--', 'printf', '%s|', ...words);
    expect(printed.text).toBe(`${words.join('|')}|`);
    const placed = await cli.run('run', '-w', '/tmp', '-e', 'A=1=2', 'sh', '-c', 'echo "$PWD $A"');
    expect(placed.text).toBe('/tmp 1=2\n');
    const nowhere = await cli.run('run', '--cwd', '/no/such', 'true');
    expect([nowhere.code, nowhere.stderr]).toEqual([125, expect.stringMatching(/^lm-sandbox: .*\/no\/such/)]);
    await cli.run('run', 'mkdir', '-p', './-');
    const dash = await cli.run('run', '--cwd', '-', 'pwd');
    expect(dash.text).toBe('/workspace/-\n');
  });

  it('hands input through as bytes, up to its end', async () => {
    const data = randomBytes(5_000_000);
    const { child, ended } = cli.start('run', 'cat');
    child.stdin.end(data);
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(stdout.equals(data)).toBe(true);
  });

  it('loses nothing of a large output that is read slowly', async () => {
    const { child, ended } = cli.start('run', '--no-stdin', 'sh', '-c', 'seq 1 3000000; echo end >&2');
    child.stdout.pause();
    await once(child, 'spawn');
    // The buffers between are full by far before this much was written.
    await cli.run('run', 'true');
    child.stdout.resume();
    const { code, stderr, stdout } = await ended;
    expect([code, stderr]).toEqual([0, 'end\n']);
    const lines = stdout.toString('utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(3_000_000);
    expect(lines.every((line, index) => line === String(index + 1))).toBe(true);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('leaves nothing alive inside after %s', async (name) => {
    const seconds = markedSeconds();
    const stubborn = `setsid sleep ${seconds} & (trap '' HUP TERM INT; sleep ${seconds}) & trap '' INT TERM HUP; echo on; sleep ${seconds}; sleep ${seconds}`;
    const { child, ended } = cli.start('run', 'bash', '-c', stubborn);
    await once(child.stdout, 'data');
    await expect.poll(() => sleeping(seconds)).toHaveLength(3);
    child.kill(name);
    expect((await ended).code).toBe({ SIGINT: 130, SIGTERM: 143, SIGKILL: 137 }[name]);
    // Whoever kills this program at once is not told when the rest has ended.
    if (name === 'SIGKILL') await expect.poll(() => sleeping(seconds), { timeout: 20_000 }).toEqual([]);
    else expect(await sleeping(seconds)).toEqual([]);
  });

  it('hears Ctrl+C while nobody reads its output', async () => {
    const { child, ended } = cli.start('run', 'yes');
    child.stdout.pause();
    await expect.poll(() => child.stdout.readableLength, { timeout: 20_000 }).toBeGreaterThan(0);
    child.kill('SIGINT');
    await once(child, 'exit');
    child.stdout.resume();
    expect((await ended).code).toBe(130);
  });

  it('ends the command when whoever read along has gone', async () => {
    const seconds = markedSeconds();
    const { child, ended } = cli.start('run', 'sh', '-c', `sleep ${seconds} & yes`);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect((await ended).code).toBe(141);
    expect(await sleeping(seconds)).toEqual([]);
  });

  it('says why its output cannot be written, and ends the command', async () => {
    const seconds = markedSeconds();
    const { code, stderr } = cli.runTo('/dev/full', 'run', 'sh', '-c', `sleep ${seconds} & yes`);
    expect([code, stderr]).toEqual([125, expect.stringContaining('no space left')]);
    expect(await sleeping(seconds)).toEqual([]);
  });

  it('ends what runs past --timeout', async () => {
    const seconds = markedSeconds();
    const { code, stderr } = await cli.run('run', '--timeout', '1s', 'sleep', seconds);
    expect(code).toBe(124);
    expect(stderr).toContain('ran past its --timeout');
    expect(await sleeping(seconds)).toEqual([]);
  });

  it('tells everything as lines of JSON', async () => {
    const { text } = await cli.run(
      'run',
      '--json',
      'sh',
      '-c',
      "printf é; sleep 0.3; printf '\\377' >&2; exit 3",
    );
    const events: unknown[] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(events).toEqual([
      { type: 'stdout', text: 'é' },
      { type: 'stderr', base64: '/w==' },
      { type: 'exit', exitCode: 3, timedOut: false },
    ]);
  });

  it('runs ten at a time', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_each, index) =>
        cli.run('run', 'sh', '-c', `echo ${String(index)}; exit ${String(index)}`),
      ),
    );
    expect(outcomes.map(({ code, text }) => [code, text])).toEqual(
      Array.from({ length: 10 }, (_each, index) => [index, `${String(index)}\n`]),
    );
  });
}

/** What `lm-sandbox exec` promises in either place. */
export function describesExec(cli: Cli): void {
  it('gives a shell on the terminal: its size, its keys, its exit code, and the terminal back', async () => {
    // A shell around it tells what state the terminal is left in.
    const script = `stty > before; ${process.execPath} ${program} exec; echo "code $?"; stty > after; cmp before after && echo same`;
    const terminal = await createLocalPtyBackend({
      command: ['/bin/sh', '-c', script],
      workingFolder: cli.dataFolder,
      environment: {
        PATH: process.env['PATH'] ?? '',
        DOCKER_HOST: cli.env['DOCKER_HOST'] ?? '',
        LM_SANDBOX_DATA_FOLDER: cli.dataFolder,
      },
    }).open({ columns: 101, rows: 31 });
    const decoder = new TextDecoder();
    const type = (keys: string) => terminal.write(new TextEncoder().encode(keys));
    let text = '';
    terminal.onData((bytes) => (text += decoder.decode(bytes, { stream: true })));
    const shows = (wanted: RegExp) => expect.poll(() => text, { timeout: 20_000 }).toMatch(wanted);
    await shows(/[$#] $/);
    type('stty size; echo $((40+2))\r');
    await shows(/31 101\r\n42/);
    type('sleep 1000\r');
    await shows(/sleep 1000\r\n/);
    type('\u0003');
    await shows(/\^C/);
    terminal.resize({ columns: 90, rows: 40 });
    type('until [ "$(stty size)" = "40 90" ]; do sleep 0.05; done; echo resized-$((1+1))\r');
    await shows(/resized-2/);
    type('exit 5\r');
    await shows(/code 5\r\n(.*\r\n)*same/);
  });
}
