/**
 * `npm run bench [-- GROUP …]`: measures against baselines taken in the same run, prints a table and writes
 * test/bench/results/latest.json.
 * @module
 */
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './lib/ensure-dependencies.mjs';

await ensureDependencies(fileURLToPath(new URL('..', import.meta.url)));
const { createRig } = await import('../test/bench/lib/bench-rig.mjs');
const { printTable, writeResults } = await import('../test/bench/lib/results.mjs');
const { ensureSystemPackages } = await import('../test/support/system-packages.mjs');
const groups = {
  terminal: async () => (await import('../test/bench/groups/terminal.mjs')).benchTerminal,
  app: async () => (await import('../test/bench/groups/app.mjs')).benchApp,
  gateway: async () => (await import('../test/bench/groups/gateway.mjs')).benchGateway,
  anywhere: async () => (await import('../test/bench/groups/anywhere.mjs')).benchAnywhere,
};
/** Those that need no window. */
const withoutDesktop = new Set(['gateway']);
const desktopPackages = ['display', 'electron', 'engine'];

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !Object.hasOwn(groups, name));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no group ${unknown.join(', ')}; there are: ${Object.keys(groups).join(', ')}.\n`,
  );
  process.exit(2);
}
const names = chosen.length > 0 ? chosen : Object.keys(groups);

/** @type {(() => Promise<unknown>)[]} */
const releases = [];
const release = async () => {
  for (const action of releases.splice(0).reverse()) {
    await action().catch((error) => say(String(error)));
  }
};
/** @param {string} line */
const say = (line) => process.stderr.write(`· ${line}\n`);
/** @type {import('../test/bench/lib/results.mjs').Entry[]} */
const entries = [];
/** @type {Awaited<ReturnType<typeof createRig>> | undefined} */
let rig;
let failed = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void Promise.all([rig?.release(), release()]).finally(() => process.exit(130)));
}
try {
  for (const name of names) {
    const load = groups[/** @type {keyof typeof groups} */ (name)];
    const group = await load();
    if (withoutDesktop.has(name)) {
      await ensureSystemPackages(['engine']);
      await group({ say, onRelease: (action) => releases.push(action) }, entries);
    } else {
      await ensureSystemPackages([
        ...desktopPackages,
        ...(name === 'anywhere' ? ['browser', 'isolation'] : []),
      ]);
      rig ??= await createRig({ say });
      await group(rig, entries);
    }
  }
  writeResults(entries, names);
} catch (error) {
  failed = true;
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
} finally {
  await rig?.release();
  await release();
}
printTable(entries);
process.exit(failed ? 1 : 0);
