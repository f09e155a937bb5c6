import { defineConfig } from '@playwright/test';

/** Of whole paths, so that a checkout in a folder of that name matches nothing by it. */
const bare = '**/test/e2e/bare/*.spec.ts';

/** End-to-end specs. `npm test -- e2e` sets everything up and runs them; test/e2e/README.md says how by hand. */
export default defineConfig<object, { runner: 'desktop' | 'browser' }>({
  testDir: 'test/e2e',
  outputDir: 'test-results/e2e',
  // They share one engine, one sandbox image and two processors.
  workers: 1,
  fullyParallel: false,
  // What passes only at the second try has failed.
  retries: 0,
  forbidOnly: true,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  use: { actionTimeout: 30_000 },
  reporter: [['list']],
  // The same specs through both doors; what is tagged @desktop says why a browser has nothing like it.
  projects: [
    { name: 'desktop', testIgnore: bare, use: { runner: 'desktop' } },
    { name: 'browser', testIgnore: bare, use: { runner: 'browser' }, grepInvert: /@desktop/ },
    // From a fresh clone on a system of its own: a step of its own, too, since it needs no build of this checkout.
    { name: 'bare', testMatch: bare },
  ],
  // Modules of Node as they are.
  build: { external: ['**/test/support/**', '**/scripts/**'] },
});
