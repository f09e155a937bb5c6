import { describe, expect, it } from 'vitest';
import { findMirror } from './debian.mjs';

describe("the machine's Debian mirror", () => {
  it('is read from deb822 sources, past commented addresses and the security archive', () => {
    const text = `Types: deb
# http://snapshot.example/archive/debian/20250520T000000Z
URIs: http://mirror.example/debian
Suites: bookworm

Types: deb
URIs: http://mirror.example/debian-security`;
    expect(findMirror(['deb https://packages.example/apt main', text])).toBe('http://mirror.example/debian');
  });

  it('is read from one-line sources with options', () => {
    const text =
      '# deb http://old.example/debian bookworm main\ndeb [signed-by=/k.gpg] https://new.example/debian/ bookworm main';
    expect(findMirror([text])).toBe('https://new.example/debian');
  });

  it("is Debian's own where the machine names none, as on Ubuntu", () => {
    expect(findMirror(['deb http://archive.ubuntu.com/ubuntu noble main'])).toBe(
      'http://deb.debian.org/debian',
    );
  });
});
