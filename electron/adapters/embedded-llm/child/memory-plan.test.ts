import { expect, test } from 'vitest';
import { LmError } from '../../../contract';
import { planMemory } from './memory-plan';

const mebi = 1024 * 1024;
const facts = {
  model: 'small',
  modelBytes: 1000 * mebi,
  trainedContextSize: 32_768,
  contextBytes: async (contextSize: number) => (contextSize / 8) * mebi,
};

test('The largest context that fits is taken', async () => {
  expect((await planMemory({ ...facts, freeBytes: 3000 * mebi })).contextSize).toBe(8192);
  expect((await planMemory({ ...facts, freeBytes: 1800 * mebi })).contextSize).toBe(4096);
  expect(await planMemory({ ...facts, freeBytes: 1512 * mebi })).toEqual({
    contextSize: 2048,
    memoryBytes: 1256 * mebi,
  });
});

test('No context is larger than the one the model was trained with', async () => {
  expect((await planMemory({ ...facts, trainedContextSize: 2048, freeBytes: 9000 * mebi })).contextSize).toBe(
    2048,
  );
});

test('A model that cannot fit is refused with what it needs and what there is', async () => {
  const refused: unknown = await planMemory({ ...facts, freeBytes: 1511 * mebi }).catch(
    (error: unknown) => error,
  );
  expect(refused instanceof LmError ? refused.data : refused).toMatchObject({
    code: 'out_of_memory',
    message: 'small needs 1256 MiB of memory and 256 MiB must stay free, but only 1511 MiB are free.',
    details: { neededBytes: 1256 * mebi, reserveBytes: 256 * mebi, freeBytes: 1511 * mebi },
  });
});
