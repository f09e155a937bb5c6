import { readdirSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createProcessStarter } from './local-process';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function start(script: string, input: boolean) {
  const texts = { stdout: '', stderr: '' };
  let exitCode = -1;
  let finish: (outcome: Outcome) => void;
  const ended = new Promise<Outcome>((resolve) => (finish = resolve));
  const child = await createProcessStarter().start(
    {
      command: ['/bin/sh', '-c', script],
      environment: { PATH: process.env['PATH'] ?? '' },
      workingFolder: '/',
      variables: '',
    },
    { input },
    {
      onOutput: (channel, bytes) => (texts[channel] += Buffer.from(bytes).toString('latin1')),
      onExit: (code) => (exitCode = code),
      onClose: () => finish({ code: exitCode, ...texts }),
    },
  );
  return { child, ended };
}

const openDescriptors = () =>
  readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      return [readlinkSync(`/proc/self/fd/${name}`)].filter((target) => target.startsWith('pipe:'));
    } catch {
      // The one that the folder was read by.
      return [];
    }
  });

describe('a program of this computer', () => {
  it('finds its standard streams by name, also when its input has ended before', async () => {
    const { child, ended } = await start(
      'read go; echo out > /dev/stdout; echo err > /dev/stderr; cat /dev/stdin; exit 7',
      true,
    );
    await child.write(Buffer.from('go\n'));
    child.endInput();
    expect(await ended).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
  });

  it('reads the input that it opens by name', async () => {
    const { child, ended } = await start('cat /dev/stdin', true);
    await child.write(Buffer.from('given'));
    child.endInput();
    expect(await ended).toEqual({ code: 0, stdout: 'given', stderr: '' });
  });

  it('has its own ends only, and leaves none here', async () => {
    const before = openDescriptors();
    const { child, ended } = await start('for each in /proc/$$/fd/*; do readlink $each; done', true);
    child.endInput();
    const pipes = (await ended).stdout.split('\n').filter((target) => target.startsWith('pipe:'));
    expect(pipes.filter((target) => !before.includes(target))).toHaveLength(3);
    await expect.poll(openDescriptors).toEqual(before);
  });

  it('sees the end of its input while others run that were started meanwhile', async () => {
    const reading = await start('cat', true);
    const other = await start('read end', true);
    reading.child.endInput();
    expect((await reading.ended).code).toBe(0);
    other.child.endInput();
    expect((await other.ended).code).toBe(1);
  });

  it('waits in its writes while nobody reads', async () => {
    const { child, ended } = await start('head -c 1000000 /dev/zero; echo done >&2', true);
    child.pause();
    const writing = async () => {
      const children = `/proc/${String(child.processId)}/task/${String(child.processId)}/children`;
      const writer = (await readFile(children, 'utf8')).trim();
      return readFile(`/proc/${writer}/wchan`, 'utf8').catch(() => '');
    };
    await expect.poll(writing).toMatch(/pipe/);
    child.resume();
    const { stderr, stdout } = await ended;
    expect([stdout.length, stderr]).toEqual([1_000_000, 'done\n']);
  });

  it('takes input after it has closed its own end, and drops it', async () => {
    const { child, ended } = await start('echo closed; exec sleep 1000 <&-', true);
    for (let piece = 0; piece < 4; piece += 1) await child.write(Buffer.alloc(100_000));
    process.kill(child.processId, 'SIGKILL');
    expect(await ended).toEqual({ code: 137, stdout: 'closed\n', stderr: '' });
  });

  it('says that there is none, or no folder for it', async () => {
    const starter = createProcessStarter();
    const before = openDescriptors();
    const nothing = {
      onOutput: () => undefined,
      onExit: () => undefined,
      onClose: () => undefined,
    };
    const launch = { environment: {}, workingFolder: '/', variables: '' };
    await expect(
      starter.start({ ...launch, command: ['/no/such'] }, { input: true }, nothing),
    ).rejects.toThrow('/no/such cannot be started');
    await expect(starter.start({ ...launch, command: ['a\0b'] }, { input: true }, nothing)).rejects.toThrow(
      'cannot be started',
    );
    await expect(
      starter.start(
        { ...launch, workingFolder: '/no/such', command: ['/bin/true'] },
        { input: true },
        nothing,
      ),
    ).rejects.toMatchObject({ code: 'not_found', message: 'There is no folder /no/such.' });
    await expect.poll(openDescriptors).toEqual(before);
  });
});
