/**
 * The sandbox image, built from the project's own Dockerfile with bases that need no container registry.
 * @module
 */
import { copyFile, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashTree } from '../../scripts/lib/hash-tree.mjs';
import { BASE_IMAGE, ensureBaseImage } from './base-image.mjs';
import { ensureArtefact } from './cache.mjs';
import { ensureExtraCertificates } from './certificates.mjs';
import { say } from './report.mjs';

/** @typedef {import('./engine.mjs').Engine} Engine */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CERTIFICATES = join('image', 'extra-ca-certificates');
const LOST_CONNECTION =
  /i\/o timeout|TLS handshake timeout|connection (?:reset|timed out)|temporary failure (?:in name )?resol/i;
const BUILD_TRIES = 3;
const BUILD_LIMIT_MS = 2_700_000;

export const SANDBOX_IMAGE = 'lm-docker';
export const SANDBOX_TEST_IMAGE = 'lm-docker-test';
const KEY_LABEL = 'dev.lm-sandbox.test-key';

/**
 * The build arguments that stand for "made from Debian packages and sources": llama.cpp from the modern
 * release, Ollama compiled with Go. For the app: `--image-build-argument=NAME=VALUE`.
 * @type {Readonly<Record<string, string>>}
 */
export const SANDBOX_BUILD_ARGUMENTS = {
  BASE_IMAGE,
  LLAMA_CPP_IMAGE: BASE_IMAGE,
  LLAMA_CPP_SOURCE: 'debian',
  OLLAMA_IMAGE: BASE_IMAGE,
  OLLAMA_SOURCE: 'source',
  // A mirror may lag some days behind its index's declared life; the signature is still checked.
  APT_OPTIONS: '-o Acquire::Check-Valid-Until=false',
};

/**
 * Sees to it that an engine has the sandbox image, tagged `lm-docker`. Built once for all engines of this
 * machine, and anew when docker/ or the certificates change.
 * @param {Engine} engine
 * @returns {Promise<string>} Its tag.
 */
export async function ensureSandboxImage(engine) {
  const key = await sandboxKey();
  if (await hasImage(engine, SANDBOX_IMAGE, key)) return SANDBOX_IMAGE;
  const folder = await ensureArtefact({
    name: 'sandbox-image',
    key,
    describe: 'the sandbox image (llama.cpp, Ollama from source, gateway)',
    make: async (partial) => {
      await build(engine, { tag: SANDBOX_IMAGE, target: 'sandbox', key });
      await engine.docker(['save', '--output', join(partial, 'image.tar'), SANDBOX_IMAGE]);
    },
  });
  if (!(await hasImage(engine, SANDBOX_IMAGE, key))) {
    say(`loading ${SANDBOX_IMAGE} into the engine '${engine.name}'`);
    await engine.docker(['load', '--quiet', '--input', join(folder, 'image.tar')]);
  }
  return SANDBOX_IMAGE;
}

/**
 * The same image with the gateway's tests and their tools in it, tagged `lm-docker-test`.
 * @param {Engine} engine
 * @returns {Promise<string>} Its tag.
 */
export async function ensureSandboxTestImage(engine) {
  const key = await sandboxKey();
  if (!(await hasImage(engine, SANDBOX_TEST_IMAGE, key))) {
    await build(engine, { tag: SANDBOX_TEST_IMAGE, target: 'test', key });
  }
  return SANDBOX_TEST_IMAGE;
}

async function sandboxKey() {
  return hashTree(ROOT, ['docker'], {
    salt: JSON.stringify([SANDBOX_BUILD_ARGUMENTS, await ensureExtraCertificates()]),
    exclude: [join('docker', CERTIFICATES)],
  });
}

/**
 * @param {Engine} engine
 * @param {string} tag
 * @param {string} key
 */
async function hasImage(engine, tag, key) {
  const format = `{{ index .Config.Labels "${KEY_LABEL}" }}`;
  const found = await engine.docker(['image', 'inspect', '--format', format, tag], { allowFailure: true });
  return found.code === 0 && found.stdout.trim() === key;
}

/**
 * @param {Engine} engine
 * @param {{ tag: string, target: string, key: string }} image
 */
async function build(engine, { tag, target, key }) {
  await ensureBaseImage(engine);
  say(`building ${tag} in the engine '${engine.name}'`);
  // A copy, because this machine's certificates belong into the build and not into the checkout.
  const context = await mkdtemp(join(tmpdir(), 'lm-sandbox-context-'));
  try {
    await cp(join(ROOT, 'docker'), context, { recursive: true });
    const certificates = await ensureExtraCertificates();
    for (const name of await readdir(certificates)) {
      if (name.endsWith('.crt')) await copyFile(join(certificates, name), join(context, CERTIFICATES, name));
    }
    const buildArguments = Object.entries(SANDBOX_BUILD_ARGUMENTS).flatMap(([name, value]) => [
      '--build-arg',
      `${name}=${value}`,
    ]);
    /** @type {Set<string>} */
    const said = new Set();
    const attempt = () =>
      engine.docker(
        [
          ...['buildx', 'build', '--progress', 'plain', '--load', '--target', target, '--tag', tag],
          ...['--label', `${KEY_LABEL}=${key}`, '--file', join(context, 'image', 'Dockerfile')],
          ...buildArguments,
          context,
        ],
        {
          timeoutMs: BUILD_LIMIT_MS,
          onLine: (line) => {
            const step = /^#\d+ (\[.*)/.exec(line)?.[1];
            // The builder names a step again whenever another one has spoken in between.
            if (step === undefined || /^\[(internal|auth)/.test(step) || said.has(step)) return;
            said.add(step);
            say(`build: ${step.slice(0, 160)}`);
          },
        },
      );
    for (let triesLeft = BUILD_TRIES - 1; ; triesLeft -= 1) {
      try {
        await attempt();
        return;
      } catch (error) {
        // Steps that are done are cached, so another attempt repeats only the one that lost its connection.
        if (triesLeft === 0 || !(error instanceof Error) || !LOST_CONNECTION.test(error.message)) throw error;
        say('build: a connection was lost; trying again');
      }
    }
  } finally {
    await rm(context, { recursive: true });
  }
}
