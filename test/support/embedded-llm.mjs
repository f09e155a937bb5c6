/**
 * The process of the embedded llama.cpp, bundled as the app's build does it, for tests that run from sources.
 * @module
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @param {string} name Of the caller, so that two at the same time do not write one file.
 * @returns {Promise<string>} The path of the bundle, below the checkout so that it finds the dependencies.
 */
export async function bundleEmbeddedLlm(name) {
  const outDir = join(ROOT, 'out', 'test', `embedded-llm-${name}`);
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    build: {
      ssr: join(ROOT, 'electron/adapters/embedded-llm/child/main.ts'),
      outDir,
      emptyOutDir: true,
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
