import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bubblewrapLaunch, type BubblewrapLauncher } from './launcher';

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
    const { command, environment } = bubblewrapLaunch(launcherWith(shell), {
      command: ['/usr/bin/env', '-0'],
      terminal: false,
      workingFolder: '/',
      environment: given,
    });
    // From the script inside on, without bubblewrap around it.
    const inside = command.slice(command.lastIndexOf('--') + 1);
    const { stdout, stderr } = spawnSync(inside[0] ?? '', inside.slice(1), { env: { ...environment } });
    expect(String(stderr)).toBe('');
    const received: Record<string, string> = {};
    for (const each of String(stdout).split('\0')) {
      if (each !== '') received[each.slice(0, each.indexOf('='))] = each.slice(each.indexOf('=') + 1);
    }
    expect(received).toMatchObject({ ...given, LM_SANDBOX: 'embedded', LANG: 'C.UTF-8' });
    expect(Object.keys(received).filter((name) => /^lm_|_SET_/.test(name))).toEqual([]);
  });
});
