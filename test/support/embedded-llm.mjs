/**
 * The process of the embedded llama.cpp, bundled as the app's build does it, for tests that run from sources.
 * @module
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleEmbeddedLlm } from '../../scripts/lib/bundle-embedded-llm.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @param {string} name Of the caller, so that two at the same time do not write one file.
 * @returns {Promise<string>} The path of the bundle.
 */
export function bundleForTest(name) {
  return bundleEmbeddedLlm(join(ROOT, 'out', 'test', `embedded-llm-${name}`));
}
