import { describe, expect, it } from 'vitest';
import { descendants, insideOf, parseStat, type ProcessEntry } from './process-table';

const after = '4321 4321 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 8192 100';

describe('a line of /proc/PID/stat', () => {
  it.each([
    { name: 'bash', state: 'S', dead: false },
    { name: 'a (strange) name) S 1', state: 'R', dead: false },
    { name: 'defunct', state: 'Z', dead: true },
  ])('is read with the name $name', ({ name, state, dead }) => {
    expect(parseStat(`4321 (${name}) ${state} 17 ${after}`)).toEqual({
      processId: 4_321,
      parentId: 17,
      startedAtTicks: '777',
      dead,
    });
  });

  it('is nothing when it was cut', () => {
    expect(parseStat('')).toBeNull();
    expect(parseStat('12 (sh) S 1')).toBeNull();
  });
});

const entry = (processId: number, parentId: number, dead = false): ProcessEntry => ({
  ...{ processId, parentId, startedAtTicks: '1', dead },
});

describe('what is below a process', () => {
  it('comes nearest first, without what is beside it', () => {
    const processes = [entry(2, 1), entry(5, 4), entry(4, 2), entry(3, 2), entry(9, 1), entry(10, 9)];
    expect(descendants(processes, 2).map(({ processId }) => processId)).toEqual([4, 3, 5]);
    expect(descendants(processes, 42)).toEqual([]);
  });
});

describe('what is in the sandbox', () => {
  const processes = [
    ...[entry(10, 1), entry(11, 10), entry(12, 11), entry(13, 11, true)],
    ...[entry(20, 1), entry(21, 20), entry(30, 1)],
  ];

  it.each([
    { name: 'below bubblewrap', isolated: true, launched: [10, 20], inside: [11, 12, 21] },
    {
      name: 'with the programs, where nothing isolates',
      isolated: false,
      launched: [10],
      inside: [10, 11, 12],
    },
    { name: 'without one that has ended', isolated: false, launched: [13, 99], inside: [] },
  ])('is counted $name', ({ isolated, launched, inside }) => {
    expect(insideOf(processes, launched, isolated).map(({ processId }) => processId)).toEqual(inside);
  });
});
