import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Launch } from '../../services/embedded/ports';
import { bubblewrapLaunch, plainLaunch, type BubblewrapLauncher } from './launcher';

const nowhere = {
  heldBy: null,
  problem: null,
  prefix: [],
  environment: {},
  joinFile: null,
  release: () => Promise.resolve(),
};

function launcherWith(shell: string): BubblewrapLauncher {
  const folders = { home: '/h', workspace: '/w', temporary: '/t', system: '/s' };
  return {
    program: 'bwrap',
    shell,
    view: { facts: { links: [], folders: ['/usr'], etc: [] }, folders, user: 'own', network: false },
    filterFile: null,
    processes: 1000,
    control: nowhere,
    locale: { LANG: 'C.UTF-8' },
  };
}

const shells = ['/bin/bash', '/bin/dash'].filter((shell) => existsSync(shell));

/** From the script inside on, without bubblewrap around it. */
function runInside({ command, environment }: Launch) {
  const [program = '', ...words] = command.slice(command.lastIndexOf('--') + 1);
  const { status, stderr, stdout } = spawnSync(program, words, { env: { ...environment } });
  return { status, stderr: String(stderr), stdout: String(stdout) };
}

describe('the folder of a program', () => {
  const wish = { command: ['pwd'], terminal: false } as const;

  it.each(shells)('is named with exit code 125 where there is none, by %s', (shell) => {
    const inside = runInside(
      bubblewrapLaunch(launcherWith(shell), { ...wish, workingFolder: '/no such/%s folder' }),
    );
    expect(inside).toEqual({
      status: 125,
      stdout: '',
      stderr: 'lm-sandbox: No folder that can be entered is at /no such/%s folder.\n',
    });
    expect(runInside(bubblewrapLaunch(launcherWith(shell), { ...wish, workingFolder: '/' }))).toMatchObject({
      status: 0,
      stdout: '/\n',
    });
  });

  it('begins at the workspace unless it is absolute, whatever its name', () => {
    const folderOf = (workingFolder: string | null) =>
      bubblewrapLaunch(launcherWith('/bin/sh'), { ...wish, workingFolder }).command.at(-2);
    expect([null, '-', '-P', 'a/b', '/tmp'].map(folderOf)).toEqual([
      '/workspace',
      '/workspace/-',
      '/workspace/-P',
      '/workspace/a/b',
      '/tmp',
    ]);
    const plain = plainLaunch(
      { home: '/h', workspace: '/w' },
      '/bin/sh',
      {},
      { ...wish, workingFolder: 'a' },
    );
    expect(plain.workingFolder).toBe('/w/a');
  });
});

describe('a program that cannot be started', () => {
  const launches = [
    ...shells.map((shell) => ({
      name: `in bubblewrap, by ${shell}`,
      run: (command: readonly [string]) =>
        runInside(bubblewrapLaunch(launcherWith(shell), { command, terminal: false, workingFolder: '/' })),
    })),
    {
      name: 'where nothing isolates',
      run: (command: readonly [string]) => {
        const launch = plainLaunch(
          { home: '/', workspace: '/' },
          '/bin/bash',
          {},
          { command, terminal: false },
        );
        const [program, ...words] = launch.command;
        const { error, status, stderr } = spawnSync(program, words, {
          env: { ...launch.environment },
          cwd: launch.workingFolder,
        });
        return { error, status, stderr: String(stderr) };
      },
    },
  ];

  it.each(launches)('is named with 127 or 126, as by shells ($name)', ({ run }) => {
    const missing = run(['no-such-program']);
    expect([missing.status, missing.stderr]).toEqual([127, expect.stringContaining('no-such-program')]);
    const noProgram = run(['/etc/passwd']);
    expect([noProgram.status, noProgram.stderr]).toEqual([126, expect.stringContaining('/etc/passwd')]);
  });
});

describe('variables of a program in bubblewrap', () => {
  it('have no name of their own before it runs, so that nothing outside obeys them', () => {
    const { environment } = bubblewrapLaunch(launcherWith('/bin/sh'), {
      command: ['true'],
      terminal: false,
      environment: { LD_PRELOAD: '/w/evil.so', BASH_ENV: '/w/evil', PATH: '/w' },
    });
    expect(Object.keys(environment)).not.toEqual(expect.arrayContaining(['LD_PRELOAD']));
    expect(Object.keys(environment)).not.toEqual(expect.arrayContaining(['BASH_ENV']));
    expect(environment['PATH']).toBe('/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
  });

  it.each(shells)('reach the program as they were given, by %s', (shell) => {
    const given = { GREETING: 'grüße "$HOME"\n`x` \\ ', EMPTY: '', PATH: '/first:/usr/bin:/bin', HOME: '/x' };
    const launch = bubblewrapLaunch(launcherWith(shell), {
      command: ['/usr/bin/env', '-0'],
      terminal: false,
      workingFolder: '/',
      environment: given,
    });
    const { stdout, stderr } = runInside(launch);
    expect(stderr).toBe('');
    const received: Record<string, string> = {};
    for (const each of stdout.split('\0')) {
      if (each !== '') received[each.slice(0, each.indexOf('='))] = each.slice(each.indexOf('=') + 1);
    }
    expect(received).toMatchObject({ ...given, LM_SANDBOX: 'embedded', LANG: 'C.UTF-8' });
    expect(Object.keys(received).filter((name) => /^lm_|_SET_/.test(name))).toEqual([]);
  });
});
