import { expect, it } from 'vitest';
import { llamaCppQuestion } from './llama-cpp-question';

const question = { model: 'm', turns: [], options: { temperature: null, maxTokens: null } };
const recommended = { temperature: 0.7, topP: 0.8, topK: 20, minP: 0 };

it('A question that says nothing is asked with what the authors of the model recommend', () => {
  expect(llamaCppQuestion(question, recommended)).toMatchObject({
    temperature: 0.7,
    top_p: 0.8,
    top_k: 20,
    min_p: 0,
  });
  const some = llamaCppQuestion(question, { temperature: 0.2, topP: 0.9, topK: null, minP: null });
  expect(Object.keys(some)).not.toContain('top_k');
});

it('A temperature that is asked for wins', () => {
  const asked = { ...question, options: { temperature: 0, maxTokens: null } };
  expect(llamaCppQuestion(asked, recommended)).toMatchObject({ temperature: 0, top_p: 0.8 });
});

it('A model of which nothing is known is asked with the defaults of llama-server', () => {
  expect(Object.keys(llamaCppQuestion(question))).toEqual(['model', 'messages', 'stream', 'stream_options']);
});
