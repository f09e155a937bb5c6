import { LmError } from '../../../contract';

/** Context sizes that are tried, largest first; more costs memory that few conversations need. */
const contextSizes = [8192, 4096, 2048] as const;
/** Left to everything else on the computer. */
const reserveBytes = 256 * 1024 * 1024;

export interface MemoryFacts {
  readonly model: string;
  readonly modelBytes: number;
  readonly freeBytes: number;
  readonly trainedContextSize: number;
  /** Memory for a context of that many tokens. */
  readonly contextBytes: (contextSize: number) => Promise<number>;
}

/**
 * The largest context that fits beside the model into free memory. A model that does not fit with the smallest
 * one is refused before it pushes everything else out.
 * @throws LmError `out_of_memory` with the bytes needed and free.
 */
export async function planMemory(
  facts: MemoryFacts,
): Promise<{ readonly contextSize: number; readonly memoryBytes: number }> {
  const sizes = [...new Set(contextSizes.map((size) => Math.min(size, facts.trainedContextSize)))];
  let neededBytes = 0;
  for (const contextSize of sizes) {
    neededBytes = Math.ceil(facts.modelBytes + (await facts.contextBytes(contextSize)));
    if (neededBytes + reserveBytes <= facts.freeBytes) return { contextSize, memoryBytes: neededBytes };
  }
  throw new LmError(
    'out_of_memory',
    `${facts.model} needs ${mebibytes(neededBytes)} of memory and ${mebibytes(reserveBytes)} must stay free, ` +
      `but only ${mebibytes(facts.freeBytes)} are free.`,
    {
      details: { neededBytes, reserveBytes, freeBytes: facts.freeBytes },
      repair: { text: 'Close other programs, or choose a smaller model.' },
      retryable: true,
    },
  );
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
