import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The whole page is built rather than served from source: React's refresh preamble is an inline script, which the
// policy in index.html forbids.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  build: {
    target: 'chrome114',
    outDir: process.env['GALLERY_OUT'] ?? '../../out/gallery',
    emptyOutDir: true,
    minify: false,
  },
});
