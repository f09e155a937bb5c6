import { describe, expect, it } from 'vitest';
import { isDebianLike, missingPackages } from './system-packages.mjs';

describe('system packages', () => {
  it('count as installed only when dpkg says so, under either of their names', () => {
    const status = 'xvfb installed\nlibgtk-3-0t64 installed\nlibnss3 config-files\n';
    expect(missingPackages(['xvfb', 'libgtk-3-0|libgtk-3-0t64', 'libnss3', 'xauth'], status)).toEqual([
      'libnss3',
      'xauth',
    ]);
  });

  it.each([
    ['Debian', 'ID=debian\nVERSION_ID="12"', true],
    ['Ubuntu', 'ID=ubuntu\nID_LIKE=debian', true],
    ['Mint', 'ID=linuxmint\nID_LIKE="ubuntu debian"', true],
    ['Fedora', 'ID=fedora', false],
    ['nothing', '', false],
  ])('are managed by apt on %s or not', (_name, text, expected) => {
    expect(isDebianLike(text)).toBe(expected);
  });
});
