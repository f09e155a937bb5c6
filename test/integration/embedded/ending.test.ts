import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { countInside, createEmbeddedRuntime } from '../../../electron/adapters/bubblewrap';
import { createLocalPtyLauncher } from '../../../electron/adapters/pty/local-pty';
import type { EmbeddedRuntime } from '../../../electron/services/embedded';
import { EmbeddedService } from '../../../electron/services/embedded';
import { FakeSettings } from '../../../electron/services/embedded/embedded-service.fakes';
import { silentLogger, systemClock } from '../../../electron/services/foundation';
import type { Pty } from '../../../electron/services/terminal';
import { describeWithBubblewrap } from './with-bubblewrap';

const size = { columns: 80, rows: 24 };

/** Ways in which programs leave their shell behind; each names itself by `MARK` in its command line. */
const leaving = [
  'sleep 600.1 &',
  'nohup sleep 600.2 > /dev/null 2>&1 &',
  'setsid sleep 600.3 &',
  '(setsid sleep 600.4 &) &',
  `bash -c 'trap "" HUP TERM INT; sleep 600.5; sleep 600.5' &`,
  `perl -e 'exit if fork; exit if fork; $0 = "sleep"; sleep 600' 600.6 &`,
  // Stopped, as by Ctrl-Z: it hears nothing before it goes on.
  `bash -c 'kill -STOP $$; exec sleep 600.7' &`,
];
const marks = ['600.1', '600.2', '600.3', '600.4', '600.5', '600.7'];

async function aliveWith(environment: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
    const text = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '');
    if (!text.split('\0').includes(environment)) continue;
    found.push(await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => ''));
  }
  return found;
}

/** What a shell has written once `text` is among it. */
function seen(pty: Pty, text: string): Promise<string> {
  const decoder = new TextDecoder();
  let output = '';
  return new Promise((resolve) => {
    pty.onData((bytes) => {
      output += decoder.decode(bytes, { stream: true });
      if (output.includes(text)) resolve(output);
    });
  });
}

const type = (pty: Pty, text: string) => pty.write(new TextEncoder().encode(text));

describeWithBubblewrap('the end of what runs inside', () => {
  const folders: string[] = [];
  const services: EmbeddedService[] = [];
  afterEach(async () => {
    for (const service of services.splice(0)) await service.dispose();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  });

  /** Every program that the runtime launches carries `mark` in its environment. */
  async function make(options: { readonly program?: null } = {}) {
    const dataFolder = await mkdtemp(join(tmpdir(), 'lm-sandbox-ending-'));
    folders.push(dataFolder);
    const mark = `LM_TEST_MARK=${dataFolder}`;
    const [name = '', value = ''] = mark.split('=');
    const actual = createEmbeddedRuntime({ dataFolder, env: process.env, ...options });
    const runtime: EmbeddedRuntime = {
      ...actual,
      tryBubblewrap: async (wishes) => {
        const place = await actual.tryBubblewrap(wishes);
        return {
          ...place,
          launch: (request) =>
            place.launch({ ...request, environment: { ...request.environment, [name]: value } }),
        };
      },
      withoutIsolation: async (wishes, reason) => {
        const place = await actual.withoutIsolation(wishes, reason);
        return {
          ...place,
          launch: (request) =>
            place.launch({ ...request, environment: { ...request.environment, [name]: value } }),
        };
      },
    };
    const service = new EmbeddedService({
      settings: new FakeSettings({ embeddedWithoutIsolation: options.program === null }),
      runtime,
      ptys: createLocalPtyLauncher(),
      clock: systemClock,
      logger: silentLogger,
    });
    services.push(service);
    return { service, mark, dataFolder, runtime };
  }

  const places = [
    { name: 'in bubblewrap', options: {} },
    { name: 'without isolation', options: { program: null } },
  ];

  it.each(places)('comes with a stop, however programs left their shell ($name)', async ({ options }) => {
    const { service, mark } = await make(options);
    await service.start();
    const shells = [await service.open(size), await service.open(size)];
    for (const shell of shells) {
      const ready = seen(shell, 'all-begun');
      type(shell, `${leaving.join('\n')}\nprintf 'all-%s' begun\n`);
      await ready;
    }
    const before = (await aliveWith(mark)).join('\n');
    expect(marks.filter((each) => !before.includes(each))).toEqual([]);
    const isolated = service.status().isolation.kind === 'bubblewrap';
    expect(await countInside(service.current()?.processIds() ?? [], isolated)).toBeGreaterThan(marks.length);
    await service.stop();
    expect(await aliveWith(mark)).toEqual([]);
    expect(service.status()).toMatchObject({ state: 'off', running: 0 });
  });

  it.each(places)(
    'comes with a terminal that is closed ($name), for that terminal only',
    async ({ options }) => {
      const { service, mark } = await make(options);
      await service.start();
      const [first, second] = [await service.open(size), await service.open(size)];
      for (const [index, shell] of [first, second].entries()) {
        const ready = seen(shell, 'begun');
        type(shell, `setsid sleep 700.${index} & printf 'be%s' gun\n`);
        await ready;
      }
      await first.kill();
      const left = (await aliveWith(mark)).join('\n');
      expect(left).not.toContain('700.0');
      expect(left).toContain('700.1');
      expect(service.status().running).toBe(1);
    },
  );

  it('gives shells the time to write their history', async () => {
    const { service, runtime } = await make();
    await service.start();
    const shell = await service.open(size);
    const ready = seen(shell, 'begun');
    type(shell, `printf 'be%s' gun\n`);
    await ready;
    await shell.kill();
    const history = await readFile(join(runtime.folders.home, '.bash_history'), 'utf8');
    expect(history).toContain("printf 'be%s' gun");
  });

  it('empties the folder for temporary files, and keeps home and workspace', async () => {
    const { service, dataFolder, runtime } = await make();
    await service.start();
    const shell = await service.open(size);
    const ready = seen(shell, 'begun');
    type(shell, `touch /tmp/gone ~/kept /workspace/kept; printf 'be%s' gun\n`);
    await ready;
    await service.stop();
    expect(await readdir(join(dataFolder, 'embedded', 'tmp'))).toEqual([]);
    expect(await readdir(runtime.folders.home)).toContain('kept');
    expect(await readdir(runtime.folders.workspace)).toEqual(['kept']);
  });

  it('comes with the app, even when that is killed', async () => {
    const { service, mark, dataFolder } = await make();
    await service.start();
    const launch = service.launch({
      command: ['/bin/bash', '-c', 'setsid sleep 800.1 & echo begun; sleep 800.2'],
      terminal: false,
    });
    // A stand-in for the app that does nothing but run the launch.
    const file = join(dataFolder, 'launch.json');
    await writeFile(file, JSON.stringify(launch));
    const app = spawn(
      process.execPath,
      [
        '-e',
        `const l = JSON.parse(require('fs').readFileSync(process.argv[1], 'utf8'));
         require('child_process').spawn(l.command[0], l.command.slice(1), { env: l.environment, cwd: l.workingFolder, stdio: ['ignore', 'inherit', 'inherit'] });`,
        file,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(app.stdout, 'data');
    expect((await aliveWith(mark)).join()).toContain('800.1');
    const ended = once(app.stdout, 'close');
    app.kill('SIGKILL');
    // Closed once the last program that had it open is gone.
    await ended;
    expect(await aliveWith(mark)).toEqual([]);
  });

  it('is like that of any terminal: exit codes, sizes, job control', async () => {
    const { service } = await make();
    await service.start();
    const shell = await service.open({ columns: 91, rows: 17 });
    const sized = seen(shell, '17 91');
    type(shell, 'stty size\n');
    await sized;
    const job = seen(shell, 'Running');
    type(shell, 'sleep 5 &\njobs\n');
    await job;
    const console = seen(shell, '/dev/console');
    type(shell, 'tty\n');
    await console;
    const end = new Promise((resolve) => shell.onEnd(resolve));
    type(shell, 'exit 7\n');
    expect(await end).toEqual({ kind: 'exited', exitCode: 7 });
  });
});
