import { benchBrowserDoor } from '../anywhere/browser-door.mjs';
import { benchCliRun } from '../anywhere/cli-run.mjs';
import { benchEmbeddedStart } from '../anywhere/embedded-start.mjs';
import { benchEmbeddedTokens } from '../anywhere/embedded-tokens.mjs';

/**
 * What works without a container, a card or a screen, against what it stands in for.
 * @param {import('../lib/bench-rig.mjs').Rig} rig
 * @param {import('../lib/results.mjs').Entry[]} entries Filled as they are measured.
 */
export async function benchAnywhere(rig, entries) {
  await benchEmbeddedTokens(rig, entries);
  await benchBrowserDoor(rig, entries);
  await benchEmbeddedStart(rig, entries);
  await benchCliRun(rig, entries);
}
