import { describe, expect, it } from 'vitest';
import { descendants, parseStat, type ProcessEntry } from './process-table';

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

describe('what is below a process', () => {
  it('comes nearest first, without what is beside it', () => {
    const entry = (processId: number, parentId: number): ProcessEntry => ({
      ...{ processId, parentId, startedAtTicks: '1', dead: false },
    });
    const processes = [entry(2, 1), entry(5, 4), entry(4, 2), entry(3, 2), entry(9, 1), entry(10, 9)];
    expect(descendants(processes, 2).map(({ processId }) => processId)).toEqual([4, 3, 5]);
    expect(descendants(processes, 42)).toEqual([]);
  });
});
