import { expect, test } from 'vitest';
import { cardProblem, type CardQuestions } from './graphics-card';

function computer(has: Partial<CardQuestions>): CardQuestions {
  return {
    platform: 'linux',
    arch: 'x64',
    libraryVersion: async () => '1.2.3',
    hasPackage: () => false,
    canOpen: async () => true,
    hasNvidiaCard: () => false,
    ...has,
  };
}

test('Where there is no card, and on a Mac, nothing is said', async () => {
  expect(await cardProblem(computer({}))).toBeNull();
  expect(await cardProblem(computer({ platform: 'darwin', hasNvidiaCard: () => true }))).toBeNull();
});

test('An NVIDIA card without the binary for it is told with the command that installs it', async () => {
  expect(await cardProblem(computer({ hasNvidiaCard: () => true }))).toMatchObject({
    code: 'gpu_unavailable',
    repair: { command: 'npm install --no-save @node-llama-cpp/linux-x64-cuda@1.2.3' },
  });
  const windows = await cardProblem(computer({ platform: 'win32', hasNvidiaCard: () => true }));
  expect(windows?.repair?.command).toContain('@node-llama-cpp/win-x64-cuda@');
});

test('A binary for a card that cannot be used is named', async () => {
  const problem = await cardProblem(
    computer({
      hasPackage: (name) => name.endsWith('-vulkan'),
      canOpen: async () => false,
    }),
  );
  expect(problem?.message).toBe(
    'The binary of llama.cpp for Vulkan is installed, but cannot be used here; the model runs on the processor.',
  );
});
