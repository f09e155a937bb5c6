/**
 * Bundles the program lm-sandbox by itself: what it loads for one command stays small, which the chunks that it would
 * share with the host are not.
 * @module
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @param {string} outDir Where the host's bundle is, which it starts.
 * @returns {Promise<string>} The path of the bundle; the verbs that are loaded when needed lie beside it.
 */
export async function bundleCli(outDir) {
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    build: {
      ssr: join(ROOT, 'electron/headless/cli/main.ts'),
      outDir,
      emptyOutDir: false,
      target: 'node20',
      minify: false,
      rollupOptions: {
        external: [/^node:/],
        output: {
          format: 'cjs',
          entryFileNames: 'cli.cjs',
          chunkFileNames: 'cli-[name].cjs',
          dynamicImportInCjs: false,
        },
      },
    },
    ssr: { noExternal: true },
  });
  return join(outDir, 'cli.cjs');
}
