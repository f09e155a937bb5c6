import { createRequire } from 'node:module';
import path from 'node:path';
import { defineConfig } from 'electron-vite';
import react from '@vitejs/plugin-react';
import { bundleCli } from './scripts/lib/bundle-cli.mjs';
import { bundleEmbeddedLlm } from './scripts/lib/bundle-embedded-llm.mjs';

const require = createRequire(import.meta.url);
const root = import.meta.dirname;

/** Native modules. */
const external = ['electron', 'node-pty', 'libsql'];
/** What dockerode loads at its start for SSH and for BuildKit's sessions and traces; the app uses neither. */
const unusedByDocker = ['ssh2', '@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs'];
const alias = {
  // Its `module` field names a file that the package does not hold (6.0.0).
  '@xterm/headless': require.resolve('@xterm/headless'),
  ...Object.fromEntries(
    unusedByDocker.map((name) => [name, path.join(root, 'electron/adapters/docker/left-out.cjs')]),
  ),
};

/** The licences of what is bundled, which ask to go with it. */
const license = { fileName: 'licenses.md' };

export default defineConfig({
  main: {
    plugins: [
      {
        name: 'embedded-llm',
        closeBundle: async () => {
          await bundleEmbeddedLlm(path.join(root, 'out/main'));
          await bundleCli(path.join(root, 'out/main'));
        },
      },
    ],
    resolve: { alias },
    build: {
      outDir: 'out/main',
      externalizeDeps: false,
      // Electron 25 (tests) has Node 18.15; today's has 24.
      target: 'node18',
      minify: false,
      license,
      rollupOptions: {
        external: [...external, /^node:/],
        input: {
          index: path.join(root, 'electron/main/index.ts'),
          host: path.join(root, 'electron/host/desktop.ts'),
          headless: path.join(root, 'electron/headless/serve.ts'),
        },
        // Electron 25's import() does not look into app.asar; require() does.
        output: {
          format: 'cjs',
          entryFileNames: '[name].cjs',
          chunkFileNames: 'chunks/[name]-[hash].cjs',
          dynamicImportInCjs: false,
        },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      externalizeDeps: false,
      target: 'node18',
      rollupOptions: {
        external: ['electron'],
        input: { index: path.join(root, 'electron/preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: path.join(root, 'renderer'),
    plugins: [react()],
    build: {
      outDir: path.join(root, 'out/renderer'),
      target: 'chrome114',
      minify: true,
      modulePreload: { polyfill: false },
      license,
      rollupOptions: {
        input: {
          index: path.join(root, 'renderer/index.html'),
          'sign-in': path.join(root, 'renderer/sign-in.html'),
        },
      },
    },
  },
});
