import { describe, expect, it } from 'vitest';
import { FUSE_NAMES, fitFuses } from './fuses.mjs';

describe('fuses', () => {
  const wanted = Object.fromEntries(FUSE_NAMES.map((name) => [name, false]));

  it('that a binary has no place for are left out and named', () => {
    const { fuses, leftOut } = fitFuses(wanted, 7);
    expect(leftOut).toEqual(['grantFileProtocolExtraPrivileges']);
    expect(Object.keys(fuses)).toEqual(FUSE_NAMES.slice(0, 7));
  });

  it('are all set where the binary has them all', () => {
    expect(fitFuses(wanted, 9)).toEqual({ fuses: wanted, leftOut: [] });
  });

  it('with an unknown name are refused, because a misspelt one would silently stay open', () => {
    expect(() => fitFuses({ runAsNodes: false }, 9)).toThrow('unknown fuse runAsNodes');
  });
});
