import type { LlamaModel, Token } from 'node-llama-cpp';
import { LmError } from '../../../contract';

/** @throws LmError `invalid_input` for a number that is no token of this model. */
export function tokensOf(model: LlamaModel, name: string, numbers: readonly number[]): Token[] {
  const all = [...model.iterateAllTokens()];
  return numbers.map((number) => {
    const token = all[number];
    if (token !== undefined) return token;
    throw new LmError('invalid_input', `${number} is no token of ${name}, which has ${all.length}.`);
  });
}
