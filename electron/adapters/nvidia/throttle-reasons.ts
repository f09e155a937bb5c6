/** Bits of `clocks_event_reasons.active`. Source: nvml.h, nvmlClocksEventReason constants. */
const reasons: readonly (readonly [bigint, string])[] = [
  [0x1n, 'idle'],
  [0x2n, 'application clocks setting'],
  [0x4n, 'software power cap'],
  [0x8n, 'hardware slowdown'],
  [0x10n, 'sync boost'],
  [0x20n, 'software thermal slowdown'],
  [0x40n, 'hardware thermal slowdown'],
  [0x80n, 'hardware power brake'],
  [0x100n, 'display clock setting'],
];

/** The reasons in a bit mask such as `0x0000000000000005`, in words; null when it is no mask. */
export function decodeReasons(mask: string): string[] | null {
  if (!/^0x[0-9a-f]{1,16}$/i.test(mask)) return null;
  let bits = BigInt(mask);
  const names: string[] = [];
  for (const [bit, name] of reasons) {
    if ((bits & bit) === 0n) continue;
    names.push(name);
    bits &= ~bit;
  }
  if (bits !== 0n) names.push(`reason 0x${bits.toString(16)}`);
  return names;
}
