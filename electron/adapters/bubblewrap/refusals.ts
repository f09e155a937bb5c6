import { LmError } from '../../contract';

/** What the computer says about namespaces; null where it does not say. */
export interface KernelFacts {
  readonly platform: string;
  readonly asRoot: boolean;
  /** `ID` and `ID_LIKE` of os-release. */
  readonly distribution: readonly string[];
  /** Ubuntu 23.10 and later: AppArmor takes capabilities from new user namespaces. */
  readonly apparmorRestricts: boolean;
  /** Debian's and Arch's switch; null where the kernel has none. */
  readonly userNamespacesAllowed: boolean | null;
  readonly maxUserNamespaces: number | null;
  /** This app runs in a container itself. */
  readonly inContainer: boolean;
}

export interface FailedTrial {
  /** Null when it did not end by itself. */
  readonly exitCode: number | null;
  readonly message: string;
}

const installCommands: readonly (readonly [distribution: string, command: string])[] = [
  ['debian', 'sudo apt install bubblewrap'],
  ['ubuntu', 'sudo apt install bubblewrap'],
  ['fedora', 'sudo dnf install bubblewrap'],
  ['rhel', 'sudo dnf install bubblewrap'],
  ['arch', 'sudo pacman -S bubblewrap'],
  ['suse', 'sudo zypper install bubblewrap'],
  ['opensuse', 'sudo zypper install bubblewrap'],
  ['alpine', 'sudo apk add bubblewrap'],
];

export function bubblewrapMissing(facts: KernelFacts): LmError {
  if (facts.platform !== 'linux') {
    return new LmError(
      'isolation_missing',
      'Bubblewrap, which isolates the embedded sandbox, is for Linux only.',
      {
        repair: { text: 'Use a container: it is isolated on this system too.' },
      },
    );
  }
  const command = installCommands.find(([name]) => facts.distribution.includes(name))?.[1];
  return new LmError(
    'isolation_missing',
    'Bubblewrap, which isolates the embedded sandbox, is not installed.',
    {
      repair: command
        ? { text: 'Install it, then check again.', command }
        : { text: "Install the package bubblewrap with this system's package manager, then check again." },
      retryable: true,
    },
  );
}

interface Refusal {
  readonly applies: (facts: KernelFacts, message: string) => boolean;
  readonly message: string;
  readonly repair: { readonly text: string; readonly command?: string } | null;
}

/** The package's own place; AppArmor knows programs by their path. */
const apparmorProfile = (program: string) =>
  [
    `printf '%s\\n' 'abi <abi/4.0>,' 'include <tunables/global>'`,
    `'profile bwrap ${program} flags=(unconfined) {' '  userns,' '}'`,
    '| sudo tee /etc/apparmor.d/bwrap > /dev/null && sudo apparmor_parser -r /etc/apparmor.d/bwrap',
  ].join(' ');

/** Bubblewrap's words where the kernel says no, as against a folder of ours that it cannot enter. */
function saysNo(message: string): boolean {
  const about = /namespace|[ug]id map|RTM_NEW|mount|pivot_root|hostname|slave/i;
  return about.test(message) && /permission denied|not permitted|no permissions/i.test(message);
}

const refusals = (program: string): readonly Refusal[] => [
  {
    applies: (_facts, message) => /unknown option/i.test(message),
    message: 'The installed bubblewrap is too old for the embedded sandbox, which needs 0.5 or newer.',
    repair: { text: 'Install a newer version, then check again.' },
  },
  {
    // AppArmor's own profile of bubblewrap takes every capability from what it runs.
    applies: ({ asRoot }, message) => asRoot && /^setpriv:/m.test(message),
    message: 'This app runs as root, and programs inside cannot become another user here.',
    repair: { text: 'Start the app as an ordinary user.' },
  },
  {
    applies: ({ asRoot, maxUserNamespaces }) => !asRoot && maxUserNamespaces === 0,
    message: 'This computer allows no user namespaces (user.max_user_namespaces is 0).',
    repair: {
      text: 'Allow them, then check again.',
      command:
        'echo user.max_user_namespaces=15000 | sudo tee /etc/sysctl.d/60-user-namespaces.conf && sudo sysctl --system',
    },
  },
  {
    applies: ({ asRoot, userNamespacesAllowed }) => !asRoot && userNamespacesAllowed === false,
    message: 'This computer allows user namespaces to root only (kernel.unprivileged_userns_clone is 0).',
    repair: {
      text: 'Allow them to everybody, then check again.',
      command:
        'echo kernel.unprivileged_userns_clone=1 | sudo tee /etc/sysctl.d/60-user-namespaces.conf && sudo sysctl --system',
    },
  },
  {
    applies: ({ asRoot, apparmorRestricts }, message) => !asRoot && apparmorRestricts && saysNo(message),
    message: "Ubuntu's AppArmor does not let bubblewrap make namespaces.",
    repair: { text: 'Allow it to bubblewrap alone, then check again.', command: apparmorProfile(program) },
  },
  {
    applies: ({ inContainer }, message) => inContainer && saysNo(message),
    message: 'This app runs in a container, and the container does not let bubblewrap make namespaces.',
    repair: {
      text: 'Start that container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined, then check again.',
    },
  },
  {
    applies: (_facts, message) => saysNo(message),
    message: 'The system does not let bubblewrap make namespaces.',
    repair: null,
  },
];

/** Why bubblewrap, found at `program`, did not run a program inside. */
export function bubblewrapRefused(program: string, trial: FailedTrial, facts: KernelFacts): LmError {
  const said = trial.message.trim().split('\n').slice(-5).join('\n').slice(0, 500);
  const known = refusals(program).find(({ applies }) => applies(facts, said));
  const details = { program, said: said || null, exitCode: trial.exitCode };
  if (known) {
    return new LmError('isolation_refused', known.message, {
      details,
      repair: known.repair,
      retryable: true,
    });
  }
  const ending = trial.exitCode === null ? 'did not end' : `ended with status ${trial.exitCode}`;
  return new LmError('isolation_refused', `Bubblewrap ${ending}${said ? `: ${said}` : ' without a word'}.`, {
    details,
    retryable: true,
  });
}
