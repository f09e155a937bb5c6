import { expect, test } from 'vitest';
import { starterCatalog } from './catalog';
import { recommendedSampling } from './recommended-sampling';

test('Each file of each mirror of the catalogue is answered with what the authors of its model recommend', () => {
  const samplingOf = recommendedSampling(starterCatalog);
  const smollm2 = { temperature: 0.2, topP: 0.9, topK: null, minP: null };
  expect(samplingOf('SmolLM2-135M-Instruct-Q4_K_M')).toEqual(smollm2);
  expect(samplingOf('SmolLM2-135M-Instruct-Q4_1')).toEqual(smollm2);
  expect(samplingOf('SmolLM2-1.7B-Instruct-Q4_K_M')).toEqual(smollm2);
  expect(samplingOf('Qwen3-4B-Instruct-2507-Q4_K_M')).toEqual({
    temperature: 0.7,
    topP: 0.8,
    topK: 20,
    minP: 0,
  });
  const names = starterCatalog.flatMap(({ mirrors }) => mirrors.map(({ file }) => file.name.slice(0, -5)));
  expect(names.filter((name) => samplingOf(name) === undefined)).toEqual([]);
});

test('Nothing is known of a model that is not in the catalogue', () => {
  expect(recommendedSampling(starterCatalog)('SmolLM2-135M-Instruct')).toBeUndefined();
});
