/** Where programs inside find what. */
export const insideHome = '/home/sandbox';
export const insideWorkspace = '/workspace';
export const insideHostname = 'sandbox';
/** As which they see themselves in a user namespace of their own. */
export const insideUserId = 1000;
/** As which they run where the app is root: nobody, who owns nothing on the computer. */
export const nobodyId = 65534;

/** What there is on this computer, as far as the view depends on it. */
export interface SystemFacts {
  /** Folders of the system at the root that are links (`/bin` to `usr/bin`), with their target. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** Folders of the system at the root that are real, `/usr` among them. */
  readonly folders: readonly string[];
  /** Names in /etc. */
  readonly etc: readonly string[];
}

export interface SandboxFolders {
  readonly home: string;
  readonly workspace: string;
  readonly temporary: string;
  /** The sandbox's own passwd, group, hosts and hostname. */
  readonly system: string;
}

export interface SandboxView {
  readonly facts: SystemFacts;
  readonly folders: SandboxFolders;
  /** `separate-user` needs root, and a wrapper inside that changes to `nobodyId`. */
  readonly user: 'own' | 'separate-user';
  readonly network: boolean;
  /** Whether a filter is open on descriptor 3. */
  readonly systemCallFilter: boolean;
  /** See LaunchRequest. */
  readonly terminal: boolean;
}

/**
 * Settings of the system that programs need, and nothing that tells of people, keys or services: an entry that is
 * not listed is not there.
 */
const sharedSettings: readonly RegExp[] = [
  /^(alternatives|ca-certificates|ca-certificates\.conf|crypto-policies)$/,
  /^(bash\.bashrc|bashrc|bash_completion|bash_completion\.d|inputrc|profile|profile\.d|zsh|fish)$/,
  /^(ld\.so\.cache|ld\.so\.conf|ld\.so\.conf\.d|ld-musl-[\w-]+\.path)$/,
  /^(locale\.alias|locale\.conf|localtime|timezone|default\/locale)$/,
  /^(os-release|debian_version|lsb-release|redhat-release|fedora-release|alpine-release|arch-release)$/,
  /^(host\.conf|gai\.conf|nsswitch\.conf|protocols|services|rpc|ethertypes)$/,
  /^(fonts|magic|magic\.mime|mime\.types|mailcap|terminfo|vim|vimrc|nanorc|manpath\.config|papersize)$/,
  /^(perl|python[\d.]*|java[\w.-]*|R|lua|php|ruby|maven|gdb|groff|emacs|login\.defs|skel)$/,
];
/** Below folders that hold keys too. */
const sharedBelow = ['ssl/certs', 'ssl/openssl.cnf', 'pki/ca-trust', 'pki/tls/certs', 'pki/tls/openssl.cnf'];
/** Only of use with a network; the package managers' way to their registries among them. */
const networkSettings = ['resolv.conf', 'pip.conf', 'npmrc'];

/**
 * Bubblewrap's arguments up to the program: the system read-only, a home, a workspace and a folder for temporary
 * files of the sandbox's own, namespaces of its own, and no capability.
 */
export function bubblewrapArguments(view: SandboxView): string[] {
  const { facts, folders, network } = view;
  const readOnly = (source: string, target = source) => ['--ro-bind', source, target];
  const readOnlyTry = (source: string, target = source) => ['--ro-bind-try', source, target];
  const etc = [
    ...facts.etc.filter((name) => sharedSettings.some((pattern) => pattern.test(name))),
    ...sharedBelow.filter((name) => facts.etc.includes(name.slice(0, name.indexOf('/')))),
    ...networkSettings.filter((name) => network && facts.etc.includes(name)),
  ];
  return [
    ...(view.user === 'own'
      ? ['--unshare-user', '--uid', String(insideUserId), '--gid', String(insideUserId)]
      : // What the wrapper inside needs to become nobody, and gives up by that.
        [
          '--cap-drop',
          'ALL',
          '--cap-add',
          'CAP_SETUID',
          '--cap-add',
          'CAP_SETGID',
          '--cap-add',
          'CAP_SETPCAP',
        ]),
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'],
    ...(network ? [] : ['--unshare-net']),
    ...['--hostname', insideHostname],
    // Everything inside ends when this app does, however it ends.
    '--die-with-parent',
    ...(view.terminal ? [] : ['--new-session']),
    ...(view.systemCallFilter ? ['--seccomp', '3'] : []),

    ...parentsOf(facts.folders.map((folder) => folder.slice(1))).flatMap((name) => ['--dir', `/${name}`]),
    ...facts.folders.flatMap((folder) => readOnly(folder)),
    ...facts.links.flatMap(({ path, target }) => ['--symlink', target, path]),
    ...['--tmpfs', '/etc'],
    // Folders that bubblewrap makes on its way are closed to others than its own user.
    ...parentsOf(etc).flatMap((name) => ['--dir', `/etc/${name}`]),
    ...etc.flatMap((name) => readOnlyTry(`/etc/${name}`)),
    ...['passwd', 'group', 'hosts', 'hostname'].flatMap((name) =>
      readOnly(`${folders.system}/${name}`, `/etc/${name}`),
    ),
    ...['--remount-ro', '/etc'],

    ...['--proc', '/proc', '--dev', '/dev', '--perms', '1777', '--tmpfs', '/dev/shm', '--remount-ro', '/dev'],
    ...['--dir', '/run', '--dir', '/home', '--dir', '/var', '--symlink', '../tmp', '/var/tmp'],
    ...['--bind', folders.temporary, '/tmp'],
    ...['--bind', folders.home, insideHome],
    ...['--bind', folders.workspace, insideWorkspace],
    // Last: what bubblewrap made as root folder is memory, and nobody shall fill it.
    ...['--remount-ro', '/'],
    // Where the program begins is for the wrapper inside: before that, the user may not be who owns the folders.
    ...['--chdir', '/'],
  ];
}

/** `pki/tls/certs` has the parents `pki` and `pki/tls`. */
function parentsOf(paths: readonly string[]): string[] {
  const parents = paths.flatMap((path) => {
    const parts = path.split('/');
    return parts.slice(0, -1).map((_part, index) => parts.slice(0, index + 1).join('/'));
  });
  return [...new Set(parents)];
}
