import { describe, expect, it } from 'vitest';
import { firstReason } from './official-electron.mjs';

describe('why Electron could not be downloaded', () => {
  it.each([
    ['TypeError: fetch failed\n    at node:internal/deps/undici', 'its server could not be reached'],
    [
      'HTTPError: Response code 403 (Forbidden) for https://mirror.example/electron.zip\n    at x',
      'Response code 403 (Forbidden) for https://mirror.example/electron.zip',
    ],
    [
      'Error: outer\n    at x {\n  [cause]: Error: getaddrinfo ENOTFOUND github.com {\n',
      'getaddrinfo ENOTFOUND github.com',
    ],
    ['', 'the installer gave no reason'],
  ])('is said in one line', (stderr, expected) => {
    expect(firstReason(stderr)).toBe(expected);
  });
});
