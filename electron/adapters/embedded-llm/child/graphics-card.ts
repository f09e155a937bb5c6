import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { LmError, type ErrorData } from '../../../contract';

type Library = typeof import('node-llama-cpp');

const cards = [
  { gpu: 'cuda', title: 'CUDA' },
  { gpu: 'vulkan', title: 'Vulkan' },
] as const;
type Card = (typeof cards)[number];

/** What can be asked about cards; replaced in tests. */
export interface CardQuestions {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** Of node-llama-cpp, whose binaries have to be of the same. */
  libraryVersion(): Promise<string>;
  hasPackage(name: string): boolean;
  /** Whether llama.cpp can be loaded for such a card. */
  canOpen(gpu: Card['gpu']): Promise<boolean>;
  hasNvidiaCard(): boolean;
}

/**
 * Why a model that runs on the processor does not run on a graphics card, with what can be done about it; null where
 * there is no card that could be used.
 */
export async function cardProblem(questions: CardQuestions): Promise<ErrorData | null> {
  const system =
    questions.platform === 'linux' ? 'linux' : questions.platform === 'win32' ? 'win' : undefined;
  // On a Mac the one binary has Metal in it.
  if (system === undefined || questions.arch !== 'x64') return null;
  const refused: string[] = [];
  for (const { gpu, title } of cards) {
    if (!questions.hasPackage(`@node-llama-cpp/${system}-x64-${gpu}`)) continue;
    if (!(await questions.canOpen(gpu))) refused.push(title);
  }
  if (refused.length > 0) {
    return new LmError(
      'gpu_unavailable',
      `The binary of llama.cpp for ${refused.join(' and ')} is installed, but cannot be used here; ` +
        'the model runs on the processor.',
      { repair: { text: 'Install the driver of the card with its libraries, then load the model again.' } },
    ).data;
  }
  const cuda = `@node-llama-cpp/${system}-x64-cuda`;
  if (questions.hasPackage(cuda) || !questions.hasNvidiaCard()) return null;
  return new LmError(
    'gpu_unavailable',
    'The NVIDIA card of this computer is not used: the binary of llama.cpp for it is not installed.',
    {
      repair: {
        text: 'Install it in the folder of lm-sandbox, then load the model again.',
        command: `npm install --no-save ${cuda}@${await questions.libraryVersion()}`,
      },
    },
  ).data;
}

/** Asks this computer; `program` is the file from which packages are looked for. */
export function cardQuestions(library: Library, program: string): CardQuestions {
  const find = createRequire(program);
  return {
    platform: process.platform,
    arch: process.arch,
    libraryVersion: () => library.getModuleVersion(),
    hasPackage: (name) => {
      try {
        find.resolve(name);
        return true;
      } catch {
        return false;
      }
    },
    canOpen: async (gpu) => {
      try {
        const llama = await library.getLlama({
          gpu,
          build: 'never',
          skipDownload: true,
          progressLogs: false,
          logLevel: library.LlamaLogLevel.disabled,
        });
        await llama.dispose();
        return true;
      } catch {
        return false;
      }
    },
    hasNvidiaCard: () =>
      process.platform === 'win32'
        ? existsSync(path.join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'nvml.dll'))
        : existsSync('/dev/nvidiactl'),
  };
}
