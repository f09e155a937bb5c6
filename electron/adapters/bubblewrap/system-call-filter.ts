/**
 * What bubblewrap leaves open, closed by a seccomp filter: the kernel's keyrings (a session keyring is inherited),
 * namespaces of one's own, `io_uring` (which makes sockets without `socket`), kinds of sockets that no network
 * namespace holds back (`AF_VSOCK` reaches the machine around a virtual one), and pushing input into a terminal.
 * After flatpak's list (common/flatpak-run.c), without what debuggers need: `ptrace` sees only this pid namespace.
 */
const errno = { EPERM: 1, ENOSYS: 38, EAFNOSUPPORT: 97 } as const;
type Errno = keyof typeof errno;

interface Architecture {
  /** AUDIT_ARCH_… of linux/audit.h. */
  readonly audit: number;
  /** Numbers from here on belong to another calling convention (x32). */
  readonly foreignFrom: number | null;
  readonly clone: number;
  readonly clone3: number;
  readonly ioctl: number;
  readonly socket: number;
  readonly denied: Readonly<Record<string, number>>;
}

/** Since Linux 5.1 new calls have the same number everywhere. */
const sameEverywhere = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  mount_setattr: 442,
} as const;

const architectures: Readonly<Record<string, Architecture>> = {
  x64: {
    audit: 0xc000003e,
    foreignFrom: 0x40000000,
    ...{ clone: 56, clone3: 435, ioctl: 16, socket: 41 },
    denied: {
      ...{ add_key: 248, request_key: 249, keyctl: 250 },
      ...{ unshare: 272, setns: 308, mount: 165, umount2: 166, pivot_root: 155 },
      ...{ bpf: 321, perf_event_open: 298, userfaultfd: 323, open_by_handle_at: 304 },
      ...{ kexec_load: 246, kexec_file_load: 320, init_module: 175, finit_module: 313, delete_module: 176 },
      ...{ acct: 163, swapon: 167, swapoff: 168, reboot: 169, syslog: 103, quotactl: 179 },
      ...{ lookup_dcookie: 212, migrate_pages: 256, move_pages: 279 },
    },
  },
  arm64: {
    audit: 0xc00000b7,
    foreignFrom: null,
    ...{ clone: 220, clone3: 435, ioctl: 29, socket: 198 },
    denied: {
      ...{ add_key: 217, request_key: 218, keyctl: 219 },
      ...{ unshare: 97, setns: 268, mount: 40, umount2: 39, pivot_root: 41 },
      ...{ bpf: 280, perf_event_open: 241, userfaultfd: 282, open_by_handle_at: 265 },
      ...{ kexec_load: 104, kexec_file_load: 294, init_module: 105, finit_module: 273, delete_module: 106 },
      ...{ acct: 89, swapon: 224, swapoff: 225, reboot: 142, syslog: 116, quotactl: 60 },
      ...{ lookup_dcookie: 18, migrate_pages: 238, move_pages: 239 },
    },
  },
};

const cloneNewUser = 0x10000000;
const terminalRequests = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c } as const;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. */
const socketFamilies = [1, 2, 10, 16];

// linux/filter.h and linux/seccomp.h
const load = 0x20;
const jumpIfEqual = 0x15;
const jumpIfAtLeast = 0x35;
const jumpIfAnyBit = 0x45;
const give = 0x06;
const allow = 0x7fff0000;
const failWith = 0x00050000;
const atNumber = 0;
const atArchitecture = 4;
/** The lower half of an argument: the kernel itself looks at no more of these. */
const atArgument = (index: number) => 16 + 8 * index;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/** The filter as `bwrap --seccomp` reads it; null for a processor that it is not written for. */
export function systemCallFilter(architecture: string): Uint8Array | null {
  const known = architectures[architecture];
  if (!known) return null;
  const program: Instruction[] = [];
  const fail = (name: Errno): Instruction => [give, 0, 0, failWith | errno[name]];
  /** Fails with `name` where the loaded value is (or, for the other comparisons, is at least or has a bit of) `value`. */
  const failIf = (comparison: number, value: number, name: Errno) =>
    program.push([comparison, 0, 1, value], fail(name));

  program.push([load, 0, 0, atArchitecture]);
  // A 32-bit program has other numbers for the same calls.
  program.push([jumpIfEqual, 1, 0, known.audit], fail('ENOSYS'));
  program.push([load, 0, 0, atNumber]);
  if (known.foreignFrom !== null) failIf(jumpIfAtLeast, known.foreignFrom, 'ENOSYS');
  for (const number of Object.values(known.denied)) failIf(jumpIfEqual, number, 'EPERM');
  // As on an older kernel, so that programs take the older way. What clone3 is asked for lies in memory.
  for (const number of [known.clone3, ...Object.values(sameEverywhere)])
    failIf(jumpIfEqual, number, 'ENOSYS');

  program.push([jumpIfEqual, 0, 4, known.clone], [load, 0, 0, atArgument(0)]);
  failIf(jumpIfAnyBit, cloneNewUser, 'EPERM');
  program.push([give, 0, 0, allow]);

  program.push([jumpIfEqual, 0, 6, known.ioctl], [load, 0, 0, atArgument(1)]);
  for (const request of Object.values(terminalRequests)) failIf(jumpIfEqual, request, 'EPERM');
  program.push([give, 0, 0, allow]);

  const last = socketFamilies.length;
  program.push([jumpIfEqual, 0, last + 2, known.socket], [load, 0, 0, atArgument(0)]);
  // Each jumps over those that follow and over the failure.
  for (const [index, family] of socketFamilies.entries()) {
    program.push([jumpIfEqual, last - index, 0, family]);
  }
  program.push(fail('EAFNOSUPPORT'), [give, 0, 0, allow]);

  const bytes = new DataView(new ArrayBuffer(program.length * 8));
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.setUint16(index * 8, code, true);
    bytes.setUint8(index * 8 + 2, ifTrue);
    bytes.setUint8(index * 8 + 3, ifFalse);
    bytes.setUint32(index * 8 + 4, value, true);
  }
  return new Uint8Array(bytes.buffer);
}
