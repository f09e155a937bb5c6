import { describe, expect, it } from 'vitest';
import { distributionOf } from './kernel-facts';
import { bubblewrapMissing, bubblewrapRefused, type KernelFacts } from './refusals';

const usual: KernelFacts = {
  platform: 'linux',
  asRoot: false,
  distribution: ['debian'],
  apparmorRestricts: false,
  userNamespacesAllowed: null,
  maxUserNamespaces: 15_000,
  inContainer: false,
};

describe('a missing bubblewrap', () => {
  it.each([
    { distribution: ['ubuntu', 'debian'], command: 'sudo apt install bubblewrap' },
    { distribution: ['fedora'], command: 'sudo dnf install bubblewrap' },
    { distribution: ['rocky', 'rhel', 'centos', 'fedora'], command: 'sudo dnf install bubblewrap' },
    { distribution: ['arch'], command: 'sudo pacman -S bubblewrap' },
    { distribution: ['opensuse-leap', 'suse', 'opensuse'], command: 'sudo zypper install bubblewrap' },
    { distribution: ['alpine'], command: 'sudo apk add bubblewrap' },
    { distribution: ['plan9'], command: null },
  ])('is installed on $distribution by $command', ({ distribution, command }) => {
    const { data } = bubblewrapMissing({ ...usual, distribution });
    expect(data).toMatchObject({ code: 'isolation_missing', repair: { command }, retryable: true });
  });

  it('cannot be had on another system', () => {
    expect(bubblewrapMissing({ ...usual, platform: 'darwin' }).data).toMatchObject({
      code: 'isolation_missing',
      message: expect.stringContaining('for Linux only') as unknown,
      retryable: false,
    });
  });
});

describe('a bubblewrap that is refused', () => {
  // What bubblewrap 0.4 to 0.11 writes, from its sources and from reports of those versions.
  const uidMap = 'bwrap: setting up uid map: Permission denied';
  const loopback = 'bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted';
  const noNamespace =
    'bwrap: No permissions to create new namespace, likely because the kernel does not allow non-privileged user namespaces.';
  const creating = 'bwrap: Creating new namespace failed: Operation not permitted';
  const proc = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted";

  it.each([
    {
      said: uidMap,
      facts: { apparmorRestricts: true },
      message: "Ubuntu's AppArmor",
      command: 'apparmor_parser',
    },
    {
      said: loopback,
      facts: { apparmorRestricts: true },
      message: "Ubuntu's AppArmor",
      command: 'apparmor_parser',
    },
    {
      said: noNamespace,
      facts: { userNamespacesAllowed: false },
      message: 'to root only',
      command: 'unprivileged_userns_clone=1',
    },
    {
      said: noNamespace,
      facts: { maxUserNamespaces: 0 },
      message: 'allows no user namespaces',
      command: 'max_user_namespaces',
    },
    { said: creating, facts: { inContainer: true }, message: 'runs in a container', command: null },
    { said: proc, facts: { inContainer: true, asRoot: true }, message: 'runs in a container', command: null },
    { said: creating, facts: {}, message: 'does not let bubblewrap make namespaces', command: null },
    {
      said: 'setpriv: setresuid failed: Operation not permitted',
      facts: { asRoot: true },
      message: 'cannot become another user',
      command: null,
    },
    { said: 'bwrap: Unknown option --perms', facts: {}, message: 'too old', command: null },
  ])('is explained: $said with $facts', ({ said, facts, message, command }) => {
    const error = bubblewrapRefused('/usr/bin/bwrap', { exitCode: 1, message: said }, { ...usual, ...facts });
    expect(error.code).toBe('isolation_refused');
    expect(error.message).toContain(message);
    if (command === null) expect(error.data.repair?.command ?? null).toBeNull();
    else expect(error.data.repair?.command).toContain(command);
    expect(error.data.details.said).toBe(said);
  });

  it.each([
    // Root is not concerned by what is refused to others.
    { said: uidMap, facts: { asRoot: true, apparmorRestricts: true }, not: 'AppArmor' },
    // A folder of ours is no namespace.
    { said: "bwrap: Can't chdir to /: Permission denied", facts: { inContainer: true }, not: 'container' },
    {
      said: "bwrap: Can't find source path /data: Permission denied",
      facts: { apparmorRestricts: true },
      not: 'AppArmor',
    },
  ])('is not put down to what it is not: $said', ({ said, facts, not }) => {
    const error = bubblewrapRefused('/usr/bin/bwrap', { exitCode: 1, message: said }, { ...usual, ...facts });
    expect(error.message).not.toContain(not);
  });

  it('keeps the words that nobody knows', () => {
    const trial = { exitCode: 71, message: 'a warning\nsomething new\n' };
    expect(bubblewrapRefused('/opt/bwrap', trial, usual).message).toBe(
      'Bubblewrap ended with status 71: a warning\nsomething new.',
    );
    expect(bubblewrapRefused('/opt/bwrap', { exitCode: null, message: '' }, usual).message).toBe(
      'Bubblewrap did not end without a word.',
    );
  });

  it('allows the program that was found, by its path', () => {
    const facts = { ...usual, apparmorRestricts: true };
    const { data } = bubblewrapRefused('/usr/local/bin/bwrap', { exitCode: 1, message: uidMap }, facts);
    expect(data.repair?.command).toContain('profile bwrap /usr/local/bin/bwrap flags=(unconfined)');
  });
});

describe('the distribution', () => {
  it.each([
    { text: 'ID=ubuntu\nID_LIKE=debian\n', names: ['ubuntu', 'debian'] },
    {
      text: 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\n',
      names: ['rocky', 'rhel', 'centos', 'fedora'],
    },
    { text: '', names: [] },
  ])('is read from $text', ({ text, names }) => {
    expect(distributionOf(text)).toEqual(names);
  });
});
