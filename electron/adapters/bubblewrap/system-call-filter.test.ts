import { describe, expect, it } from 'vitest';
import { systemCallFilter } from './system-call-filter';

interface Call {
  readonly number: number;
  readonly architecture?: number;
  readonly arguments?: readonly number[];
}

const x64 = 0xc000003e;
const allowed = 'allowed';

/** Runs the program as the kernel would (Documentation/networking/filter.rst), over the fields of seccomp_data. */
function run(program: Uint8Array, call: Call): string {
  const view = new DataView(program.buffer);
  const read = (offset: number) => {
    if (offset === 0) return call.number;
    if (offset === 4) return call.architecture ?? x64;
    return (call.arguments?.[(offset - 16) / 8] ?? 0) >>> 0;
  };
  let value = 0;
  for (let index = 0; ; index += 1) {
    if (index * 8 >= program.length) throw new Error('It runs past its end.');
    const code = view.getUint16(index * 8, true);
    const [ifTrue, ifFalse] = [view.getUint8(index * 8 + 2), view.getUint8(index * 8 + 3)];
    const operand = view.getUint32(index * 8 + 4, true);
    if (code === 0x20) value = read(operand);
    else if (code === 0x15) index += value === operand ? ifTrue : ifFalse;
    else if (code === 0x35) index += value >= operand ? ifTrue : ifFalse;
    else if (code === 0x45) index += (value & operand) !== 0 ? ifTrue : ifFalse;
    else if (code === 0x06) return operand === 0x7fff0000 ? allowed : `error ${operand & 0xffff}`;
    else throw new Error(`Not an instruction: ${code}`);
  }
}

const notPermitted = 'error 1';
const notImplemented = 'error 38';
const noSuchFamily = 'error 97';

describe('the filter of system calls', () => {
  const filter = systemCallFilter('x64')!;

  it.each<readonly [string, Call, string]>([
    ['read', { number: 0 }, allowed],
    ['openat', { number: 257 }, allowed],
    ['ptrace, which debuggers need', { number: 101 }, allowed],
    ['keyctl', { number: 250 }, notPermitted],
    ['add_key', { number: 248 }, notPermitted],
    ['unshare', { number: 272 }, notPermitted],
    ['setns', { number: 308 }, notPermitted],
    ['mount', { number: 165 }, notPermitted],
    ['bpf', { number: 321 }, notPermitted],
    ['io_uring_setup, so that programs do without', { number: 425 }, notImplemented],
    ['fsopen', { number: 430 }, notImplemented],
    ['clone3, whose flags lie in memory', { number: 435 }, notImplemented],
    ['clone of a thread', { number: 56, arguments: [0x003d0f00] }, allowed],
    ['clone with a user namespace', { number: 56, arguments: [0x10000011] }, notPermitted],
    ['ioctl of the window size', { number: 16, arguments: [0, 0x5413] }, allowed],
    ['TIOCSTI', { number: 16, arguments: [1, 0x5412] }, notPermitted],
    // The kernel looks at the lower half only (CVE-2019-10063 of flatpak).
    ['TIOCSTI with more in the upper half', { number: 16, arguments: [1, 2 ** 33 + 0x5412] }, notPermitted],
    ['TIOCLINUX', { number: 16, arguments: [1, 0x541c] }, notPermitted],
    ['a unix socket', { number: 41, arguments: [1] }, allowed],
    ['an IPv4 socket', { number: 41, arguments: [2] }, allowed],
    ['an IPv6 socket', { number: 41, arguments: [10] }, allowed],
    ['a netlink socket', { number: 41, arguments: [16] }, allowed],
    ['a socket to the machine around this one', { number: 41, arguments: [40] }, noSuchFamily],
    ['a socket to the crypto of the kernel', { number: 41, arguments: [38] }, noSuchFamily],
    ['a bluetooth socket', { number: 41, arguments: [31] }, noSuchFamily],
    ['a call of the x32 kind', { number: 0x40000000 + 250 }, notImplemented],
    ['a call of a 32-bit program', { number: 288, architecture: 0x40000003 }, notImplemented],
  ])('answers %s', (_name, call, answer) => {
    expect(run(filter, call)).toBe(answer);
  });

  it('comes to an end for every call', () => {
    for (let number = 0; number < 600; number += 1) run(filter, { number, arguments: [1, 1] });
  });

  it('is there for ARM too, with its own numbers, and for no processor it was not written for', () => {
    const arm = systemCallFilter('arm64')!;
    const architecture = 0xc00000b7;
    expect(run(arm, { number: 219, architecture })).toBe(notPermitted);
    expect(run(arm, { number: 250, architecture })).toBe(allowed);
    expect(run(arm, { number: 219 })).toBe(notImplemented);
    expect(systemCallFilter('riscv64')).toBeNull();
  });
});
