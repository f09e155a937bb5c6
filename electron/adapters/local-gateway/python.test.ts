import { describe, expect, it } from 'vitest';
import { pipFailure } from './pip-failure';
import { findPython, installRepair, readReport } from './python';

describe('the Python of this computer', () => {
  it.each([
    ['3 11 /usr/bin/python3', { program: '/usr/bin/python3', version: '3.11', usable: true }],
    [
      '3 14 /opt/my python/bin/python',
      { program: '/opt/my python/bin/python', version: '3.14', usable: true },
    ],
    ['4 0 /usr/bin/python4', { program: '/usr/bin/python4', version: '4.0', usable: true }],
    ['3 9 /usr/bin/python3', { program: '/usr/bin/python3', version: '3.9', usable: false }],
    ['2 7 /usr/bin/python', { program: '/usr/bin/python', version: '2.7', usable: false }],
    ['Python was not found; run without arguments to install', null],
    ['', null],
  ])('is read from %s', (output, expected) => {
    expect(readReport(`${output}\n`)).toEqual(expected);
  });

  it('is missing with the command that installs it', async () => {
    const nowhere = { PATH: '/nonexistent', LM_SANDBOX_PYTHON: '/nonexistent/python3' };
    await expect(findPython(nowhere, ['debian'])).rejects.toMatchObject({
      data: { code: 'unsupported', repair: { text: expect.stringContaining('LM_SANDBOX_PYTHON') as string } },
    });
    expect(installRepair(['linuxmint', 'ubuntu', 'debian'])).toMatchObject({
      command: 'sudo apt install python3 python3-venv',
    });
    expect(installRepair(['unheard-of'])).not.toHaveProperty('command');
  });
});

describe('what pip said', () => {
  it.each([
    ['ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device', 'disk_full'],
    ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.', 'registry_unreachable'],
    [
      "WARNING: Retrying after connection broken by 'NewConnectionError: Temporary failure in name resolution'\nERROR: No matching distribution found for aiohttp==3.13.0",
      'registry_unreachable',
    ],
    ['SSLError(SSLCertVerificationError(1, certificate verify failed))', 'registry_unreachable'],
    ['something else', 'unsupported'],
  ])('becomes an error with a repair: %s', (said, code) => {
    const { data } = pipFailure(said);
    expect(data).toMatchObject({ code, retryable: true });
    expect(data.repair?.text).toBeTruthy();
    expect(String(data.details['said'])).toContain(said.split('\n').at(-1));
  });
});
