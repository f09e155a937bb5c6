import { describe, expect, it } from 'vitest';
import { bubblewrapArguments, type SandboxView, type SystemFacts } from './arguments';

const debian: SystemFacts = {
  links: [
    { path: '/bin', target: 'usr/bin' },
    { path: '/lib64', target: 'usr/lib64' },
  ],
  folders: ['/usr', '/opt'],
  etc: [
    'alternatives',
    'bash.bashrc',
    'hosts',
    'ld.so.cache',
    'passwd',
    'resolv.conf',
    'shadow',
    'ssh',
    'ssl',
  ],
};

function argumentsOf(changes: Partial<SandboxView> = {}): string[] {
  return bubblewrapArguments({
    facts: debian,
    folders: {
      home: '/data/embedded/home',
      workspace: '/data/embedded/workspace',
      temporary: '/data/embedded/tmp',
      system: '/data/embedded/system',
    },
    user: 'own',
    network: false,
    systemCallFilter: true,
    terminal: true,
    ...changes,
  });
}

/** Options with as many values as they take. */
function options(list: readonly string[]): string[] {
  const lengths: Record<string, number> = {
    ...{
      '--ro-bind': 2,
      '--ro-bind-try': 2,
      '--bind': 2,
      '--symlink': 2,
      '--tmpfs': 1,
      '--dir': 1,
      '--proc': 1,
    },
    ...{ '--dev': 1, '--remount-ro': 1, '--perms': 1, '--uid': 1, '--gid': 1, '--hostname': 1, '--chdir': 1 },
    ...{ '--seccomp': 1, '--cap-drop': 1, '--cap-add': 1 },
  };
  const found: string[] = [];
  for (let index = 0; index < list.length;) {
    const taken = 1 + (lengths[list[index] ?? ''] ?? 0);
    found.push(list.slice(index, index + taken).join(' '));
    index += taken;
  }
  return found;
}

describe('what bubblewrap is asked for', () => {
  it('is this, in this order', () => {
    expect(options(argumentsOf())).toEqual([
      '--unshare-user',
      '--uid 1000',
      '--gid 1000',
      '--unshare-pid',
      '--unshare-ipc',
      '--unshare-uts',
      '--unshare-cgroup',
      '--unshare-net',
      '--hostname sandbox',
      '--die-with-parent',
      '--seccomp 3',
      '--ro-bind /usr /usr',
      '--ro-bind /opt /opt',
      '--symlink usr/bin /bin',
      '--symlink usr/lib64 /lib64',
      '--tmpfs /etc',
      '--dir /etc/ssl',
      '--ro-bind-try /etc/alternatives /etc/alternatives',
      '--ro-bind-try /etc/bash.bashrc /etc/bash.bashrc',
      '--ro-bind-try /etc/ld.so.cache /etc/ld.so.cache',
      '--ro-bind-try /etc/ssl/certs /etc/ssl/certs',
      '--ro-bind-try /etc/ssl/openssl.cnf /etc/ssl/openssl.cnf',
      '--ro-bind /data/embedded/system/passwd /etc/passwd',
      '--ro-bind /data/embedded/system/group /etc/group',
      '--ro-bind /data/embedded/system/hosts /etc/hosts',
      '--ro-bind /data/embedded/system/hostname /etc/hostname',
      '--remount-ro /etc',
      '--proc /proc',
      '--dev /dev',
      '--perms 1777',
      '--tmpfs /dev/shm',
      '--remount-ro /dev',
      '--dir /run',
      '--dir /home',
      '--dir /var',
      '--symlink ../tmp /var/tmp',
      '--bind /data/embedded/tmp /tmp',
      '--bind /data/embedded/home /home/sandbox',
      '--bind /data/embedded/workspace /workspace',
      '--remount-ro /',
      '--chdir /',
    ]);
  });

  it.each([
    {
      when: 'the network is switched on',
      changes: { network: true },
      more: ['--ro-bind-try /etc/resolv.conf /etc/resolv.conf'],
      less: ['--unshare-net'],
    },
    {
      when: 'the program has no terminal of its own',
      changes: { terminal: false },
      more: ['--new-session'],
      less: [],
    },
    {
      when: 'there is no filter for this processor',
      changes: { systemCallFilter: false },
      more: [],
      less: ['--seccomp 3'],
    },
    {
      when: 'the app runs as root',
      changes: { user: 'separate-user' as const },
      more: ['--cap-drop ALL', '--cap-add CAP_SETUID', '--cap-add CAP_SETGID', '--cap-add CAP_SETPCAP'],
      less: ['--unshare-user', '--uid 1000', '--gid 1000'],
    },
    {
      when: 'the system keeps its programs elsewhere',
      changes: { facts: { links: [], folders: ['/nix/store'], etc: [] } },
      more: ['--dir /nix', '--ro-bind /nix/store /nix/store'],
      less: [
        ...['--ro-bind /usr /usr', '--ro-bind /opt /opt'],
        ...['--symlink usr/bin /bin', '--symlink usr/lib64 /lib64', '--dir /etc/ssl'],
        ...['alternatives', 'bash.bashrc', 'ld.so.cache', 'ssl/certs', 'ssl/openssl.cnf'].map(
          (name) => `--ro-bind-try /etc/${name} /etc/${name}`,
        ),
      ],
    },
  ])('changes only in this when $when', ({ changes, more, less }) => {
    const usual = options(argumentsOf());
    const changed = options(argumentsOf(changes));
    expect(changed.filter((each) => !usual.includes(each))).toEqual(more);
    expect(usual.filter((each) => !changed.includes(each))).toEqual(less);
  });

  it('never binds what can be written but the three folders of the sandbox', () => {
    const writable = options(argumentsOf({ network: true })).filter((each) => each.startsWith('--bind '));
    expect(writable.map((each) => each.split(' ')[1])).toEqual([
      '/data/embedded/tmp',
      '/data/embedded/home',
      '/data/embedded/workspace',
    ]);
  });

  it.each([
    'shadow',
    'gshadow',
    'ssh',
    'sudoers',
    'sudoers.d',
    'machine-id',
    'krb5.keytab',
    'NetworkManager',
    'docker',
  ])('leaves out /etc/%s, as everything it does not know', (name) => {
    const list = argumentsOf({ network: true, facts: { ...debian, etc: [name] } });
    expect(list.filter((each) => each.startsWith(`/etc/${name}`))).toEqual([]);
  });
});
