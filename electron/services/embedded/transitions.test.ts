import { describe, expect, it } from 'vitest';
import { embeddedStateSchema, type EmbeddedState } from '../../contract';
import { nextEmbeddedState, type EmbeddedEvent } from './transitions';

const events: readonly EmbeddedEvent[] = [
  'start',
  'isolated',
  'not-isolated',
  'consented',
  'failed',
  'stop',
  'stopped',
];

/** Every pair that leads anywhere; all others are refused. */
const allowed: readonly (readonly [EmbeddedState, EmbeddedEvent, EmbeddedState])[] = [
  ['off', 'start', 'checking'],
  ['checking', 'isolated', 'ready'],
  ['checking', 'not-isolated', 'needs-consent'],
  ['checking', 'consented', 'ready'],
  ['checking', 'failed', 'failed'],
  ['needs-consent', 'start', 'checking'],
  ['needs-consent', 'consented', 'ready'],
  ['needs-consent', 'stop', 'stopping'],
  ['ready', 'stop', 'stopping'],
  ['stopping', 'stopped', 'off'],
  ['stopping', 'failed', 'failed'],
  ['failed', 'start', 'checking'],
  ['failed', 'stop', 'stopping'],
];

describe('the states of the embedded sandbox', () => {
  it.each(embeddedStateSchema.options.flatMap((state) => events.map((event) => ({ state, event }))))(
    'know where $event leads from $state',
    ({ state, event }) => {
      const expected = allowed.find(([from, by]) => from === state && by === event)?.[2] ?? null;
      expect(nextEmbeddedState(state, event)).toBe(expected);
    },
  );

  it('reach readiness without isolation only over a consent', () => {
    const intoReady = allowed.filter(([, , to]) => to === 'ready').map(([from, event]) => `${from} ${event}`);
    expect(intoReady).toEqual(['checking isolated', 'checking consented', 'needs-consent consented']);
  });
});
