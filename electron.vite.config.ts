import { createRequire } from 'node:module';
import path from 'node:path';
import { defineConfig } from 'electron-vite';
import react from '@vitejs/plugin-react';

const require = createRequire(import.meta.url);
const root = import.meta.dirname;

/** Native modules, and dockerode whose optional parts are loaded by name. */
const external = ['electron', 'node-pty', 'libsql', 'dockerode'];
/** Its `module` field names a file that the package does not hold (6.0.0). */
const alias = { '@xterm/headless': require.resolve('@xterm/headless') };

export default defineConfig({
  main: {
    resolve: { alias },
    build: {
      outDir: 'out/main',
      externalizeDeps: false,
      // Electron 25 (tests) has Node 18.15; today's has 24.
      target: 'node18',
      minify: false,
      rollupOptions: {
        external: [...external, /^node:/],
        input: {
          index: path.join(root, 'electron/main/index.ts'),
          host: path.join(root, 'electron/host/desktop.ts'),
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
      rollupOptions: { input: { index: path.join(root, 'renderer/index.html') } },
    },
  },
});
