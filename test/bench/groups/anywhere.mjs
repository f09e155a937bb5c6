import { benchEmbeddedTokens } from '../anywhere/embedded-tokens.mjs';

/**
 * What works without a container, a card or a screen, against what it stands in for.
 * @param {{ say: (line: string) => void, onRelease: (action: () => Promise<unknown>) => void }} bench
 * @param {import('../lib/results.mjs').Entry[]} entries Filled as they are measured.
 */
export async function benchAnywhere(bench, entries) {
  await benchEmbeddedTokens(bench, entries);
}
