import { expect, test } from 'vitest';
import { AnswerMeter } from './answer-meter';

function meterAt(start: { ms: number; written: number }) {
  const now = { ...start };
  const meter = new AnswerMeter({ nowMs: () => now.ms, writtenTokens: () => now.written });
  return { now, meter };
}

test('Text counts as it is told, and its speed is that of the tokens after the first', () => {
  const { now, meter } = meterAt({ ms: 1_000, written: 50 });
  meter.begin();
  now.ms = 1_200;
  meter.text(1);
  now.ms = 2_200;
  meter.text(10);
  // The token that ends the answer is no part of it.
  now.written = 62;
  expect(meter.end()).toEqual({ answerTokens: 11, answerMs: 1_000, promptMs: 200, tokensPerSecond: 10 });
});

test('Calls count with all that the model wrote for them, and what came before their first piece has no speed', () => {
  const { now, meter } = meterAt({ ms: 0, written: 50 });
  meter.begin();
  now.ms = 500;
  now.written = 60;
  meter.call();
  now.ms = 1_500;
  now.written = 80;
  meter.call();
  expect(meter.end()).toEqual({ answerTokens: 30, answerMs: 1_000, promptMs: 500, tokensPerSecond: 20 });
});

test('An answer without a token has no speed, nor has one of a single token', () => {
  const { now, meter } = meterAt({ ms: 0, written: 0 });
  meter.begin();
  now.ms = 300;
  expect(meter.end()).toEqual({ answerTokens: 0, answerMs: 0, promptMs: 300, tokensPerSecond: null });
  meter.text(1);
  expect(meter.end()).toMatchObject({ answerTokens: 1, tokensPerSecond: null });
});
