/**
 * The app's own client of a host of the same user, for programs that are not TypeScript.
 * @module
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @returns {Promise<typeof import('../../electron/headless/local/local-client')['localHostClient']>} Connects to
 *   the `host.sock` of a data folder.
 */
export async function loadLocalHostClient() {
  const outDir = join(ROOT, 'out', 'test', 'local-client');
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    build: {
      ssr: join(ROOT, 'electron/headless/local/local-client.ts'),
      outDir,
      emptyOutDir: false,
      target: 'node20',
      minify: false,
      rollupOptions: { external: [/^node:/], output: { format: 'cjs', entryFileNames: 'local-client.cjs' } },
    },
    ssr: { noExternal: true },
  });
  return createRequire(import.meta.url)(join(outDir, 'local-client.cjs')).localHostClient;
}
