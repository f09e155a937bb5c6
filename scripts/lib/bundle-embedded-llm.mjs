/**
 * Bundles the process of the embedded llama.cpp by itself: it runs under plain Node, of which import() of an ES
 * module is wanted, while the host's bundles are for Electron, where import() does not look into the archive.
 * @module
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @param {string} outDir Below the checkout, so that the bundle finds its dependencies.
 * @returns {Promise<string>} The path of the bundle, one file.
 */
export async function bundleEmbeddedLlm(outDir) {
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    build: {
      ssr: join(ROOT, 'electron/adapters/embedded-llm/child/main.ts'),
      outDir,
      emptyOutDir: false,
      target: 'node20',
      minify: false,
      rollupOptions: {
        external: ['node-llama-cpp', /^node:/],
        output: { format: 'cjs', entryFileNames: 'embedded-llm.cjs' },
      },
    },
    ssr: { noExternal: true, external: ['node-llama-cpp'] },
  });
  return join(outDir, 'embedded-llm.cjs');
}
