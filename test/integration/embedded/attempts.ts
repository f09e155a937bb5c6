/** Numbers of system calls where Perl, which every Debian has, makes them directly. */
const numbers: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  x64: { addKey: 248, keyctl: 250, ptrace: 101, prctl: 157, ioUringSetup: 425 },
  arm64: { addKey: 217, keyctl: 219, ptrace: 117, prctl: 167, ioUringSetup: 425 },
};
export const callNumbers = numbers[process.arch] ?? {};

export interface Attempt {
  /** Continues "a program inside cannot …". */
  readonly does: string;
  /** Bash; ends with 0 exactly when it got out. */
  readonly program: string;
  /** Who could do this on the computer itself; nobody else's attempt would prove anything. */
  readonly by: 'everybody' | 'root' | 'ordinary';
  /** Depends on how this kernel is made: where it fails on the computer itself, that is a reason to skip. */
  readonly dependsOnKernel?: true;
  /** Perl that arranges what the program inherits, then runs it. */
  readonly arrange?: string;
  readonly withInheritedFolder?: true;
}

const perl = (code: string) => `perl -e '${code}'`;

/**
 * The variables: VICTIM, a person's home; DATA, this app's data folder; HOST_PID and MARK, a program outside and a
 * word of its command line; PORT, SOCKET and ABSTRACT, where something listens outside; PTS, a terminal outside;
 * WORK, the workspace as the program sees it.
 */
export const attempts: readonly Attempt[] = [
  // Files
  { does: "read a file of the person's home", by: 'everybody', program: 'cat "$VICTIM/notes"' },
  { does: 'read an ssh key', by: 'everybody', program: 'cat "$VICTIM/.ssh/id_ed25519"' },
  {
    does: "follow a link in its workspace to the person's home",
    by: 'everybody',
    program: 'ln -sf "$VICTIM/notes" "$WORK/link" && cat "$WORK/link"',
  },
  { does: "read this app's settings", by: 'everybody', program: 'cat "$DATA/settings.json"' },
  { does: "write beside the sandbox's folders", by: 'everybody', program: 'echo x > "$DATA/written"' },
  { does: "write to the person's home", by: 'everybody', program: 'echo x > "$VICTIM/written"' },
  { does: 'write below /usr', by: 'root', program: 'echo x > /usr/.lm-escape && rm /usr/.lm-escape' },
  { does: 'write below /etc', by: 'root', program: 'echo x > /etc/.lm-escape && rm /etc/.lm-escape' },
  { does: 'read the password file', by: 'root', program: 'head -c 1 /etc/shadow' },
  {
    does: 'use a folder that this app had open when it was started',
    by: 'everybody',
    withInheritedFolder: true,
    program: 'cat /proc/self/fd/5/notes',
  },

  // Processes
  {
    does: 'see the programs of the computer',
    by: 'everybody',
    // Compared by the shell itself: a program that is told the word would be found.
    program:
      'cat /proc/[0-9]*/cmdline | tr "\\0" "\\n" | while read -r each; do [ "$each" = "$MARK" ] && exit 3; done; [ "${PIPESTATUS[2]}" = 3 ]',
  },
  {
    does: 'read the environment of a program outside',
    by: 'everybody',
    program: 'cat /proc/[0-9]*/environ | tr "\\0" "\\n" | grep LM_ESCAPE_SECRET=',
  },
  {
    does: 'get at the files of the computer through a process (/proc/PID/root and cwd)',
    by: 'everybody',
    program: 'for each in /proc/[0-9]*; do cat "$each/root$VICTIM/notes" && exit 0; done; exit 1',
  },
  { does: 'send a signal to a program outside', by: 'everybody', program: 'kill -URG "$HOST_PID"' },
  {
    does: 'trace a program outside',
    by: 'everybody',
    program: perl(
      `$r = syscall(${callNumbers.ptrace}, 16, $ENV{HOST_PID} + 0, 0, 0); syscall(${callNumbers.ptrace}, 17, $ENV{HOST_PID} + 0, 0, 0); exit($r == 0 ? 0 : 1)`,
    ),
  },
  {
    does: 'start processes without end',
    by: 'everybody',
    program: perl(
      'for (1 .. 400) { $p = fork; last unless defined $p; if (!$p) { sleep 30; exit } push @k, $p } kill "KILL", @k; exit(@k == 400 ? 0 : 1)',
    ),
  },

  // Network
  {
    does: 'reach a service on 127.0.0.1 of the computer',
    by: 'everybody',
    program: 'exec 3<> "/dev/tcp/127.0.0.1/$PORT"',
  },
  {
    does: 'see the network interfaces of the computer',
    by: 'everybody',
    dependsOnKernel: true,
    program: 'tail -n +3 /proc/net/dev | grep -v " *lo:"',
  },
  {
    does: 'reach an abstract unix socket, as the X server has one',
    by: 'everybody',
    program: perl(
      'use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); exit(connect(S, pack_sockaddr_un("\\0$ENV{ABSTRACT}")) ? 0 : 1)',
    ),
  },
  {
    does: 'reach a unix socket in a folder, as engines and agents have theirs',
    by: 'everybody',
    program: perl(
      'use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); exit(connect(S, pack_sockaddr_un($ENV{SOCKET})) ? 0 : 1)',
    ),
  },
  { does: 'find the sockets below /run', by: 'everybody', program: '[ -n "$(ls -A /run)" ]' },
  {
    does: 'make a socket that no network namespace holds back (AF_VSOCK)',
    by: 'everybody',
    dependsOnKernel: true,
    program: perl('exit(socket(S, 40, 1, 0) ? 0 : 1)'),
  },

  // The kernel
  {
    does: 'make namespaces of its own and mount in them',
    by: 'everybody',
    dependsOnKernel: true,
    program: 'unshare --user --map-root-user --mount mount -t tmpfs none /tmp',
  },
  { does: 'mount', by: 'root', program: 'unshare --mount mount -t tmpfs none /tmp' },
  { does: 'change its root', by: 'root', program: 'chroot / /bin/true' },
  {
    does: 'change settings of the kernel',
    by: 'root',
    program: 'value=$(cat /proc/sys/vm/swappiness) && echo "$value" > /proc/sys/vm/swappiness',
  },
  { does: 'read the log of the kernel', by: 'root', dependsOnKernel: true, program: 'dmesg > /dev/null' },
  { does: 'make a device node', by: 'root', program: 'mknod /tmp/.lm-node c 1 3 && rm /tmp/.lm-node' },
  {
    does: 'find other devices than the harmless ones',
    by: 'everybody',
    program:
      'for each in /dev/*; do case ${each#/dev/} in (console|core|fd|full|null|ptmx|pts|random|shm|std*|tty|urandom|zero) ;; (*) exit 0 ;; esac; done; exit 1',
  },
  { does: 'write to another terminal', by: 'everybody', program: 'echo x > "$PTS"' },
  { does: 'find the control groups', by: 'everybody', program: 'ls /sys/fs/cgroup' },
  {
    does: 'become root by a program that has the set-user-id bit',
    by: 'ordinary',
    program: '[ "$("$WORK/root-id" -u)" = 0 ]',
  },
  {
    does: 'read a key of the session it was started from',
    by: 'everybody',
    dependsOnKernel: true,
    arrange: `($t, $n, $v) = ("user", "lm-escape", "secret"); syscall(${callNumbers.keyctl}, 1, 0); syscall(${callNumbers.addKey}, $t, $n, $v, 6, -3); exec @ARGV`,
    program: perl(
      `($t, $n) = ("user", "lm-escape"); exit(syscall(${callNumbers.keyctl}, 10, -3, $t, $n, 0) > 0 ? 0 : 1)`,
    ),
  },
  {
    does: 'set up io_uring, which makes sockets past the filter',
    by: 'everybody',
    dependsOnKernel: true,
    program: perl(`$b = "\\0" x 200; exit(syscall(${callNumbers.ioUringSetup}, 8, $b) >= 0 ? 0 : 1)`),
  },
];
