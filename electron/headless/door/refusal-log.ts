/** What is known of a refused request and may be logged. */
export interface RefusalFacts {
  readonly method: string;
  readonly address: string;
}

type Write = (reason: string, facts: RefusalFacts & { readonly leftOut?: number }) => void;

const quietMs = 60_000;
/** Pairs of reason and address remembered at most; what comes from further addresses counts as from one. */
const maxKnown = 200;
const elsewhere = 'further addresses';

/**
 * Lets through one refusal of each reason and address a minute, and after that minute a second one with how many were
 * left out: whoever reaches the door must not be able to fill the log, or the disk.
 */
export function limitedRefusals(write: Write): (reason: string, facts: RefusalFacts) => void {
  const leftOut = new Map<string, number>();
  return (reason, { address, method }) => {
    const known = leftOut.has(keyOf(reason, address)) || leftOut.size < maxKnown;
    const from = known ? address : elsewhere;
    const key = keyOf(reason, from);
    const before = leftOut.get(key);
    if (before !== undefined) {
      leftOut.set(key, before + 1);
      return;
    }
    leftOut.set(key, 0);
    write(reason, { method, address: from });
    setTimeout(() => {
      const count = leftOut.get(key) ?? 0;
      leftOut.delete(key);
      if (count > 0) write(reason, { method, address: from, leftOut: count });
    }, quietMs).unref();
  };
}

/** Reasons are sentences of the door's own. */
function keyOf(reason: string, address: string): string {
  return `${reason}\n${address}`;
}
