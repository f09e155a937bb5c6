import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LmError } from '../contract';
import { readServeOptions } from './options';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lm-sandbox-options-'));
  await writeFile(join(folder, 'cert.pem'), 'certificate');
  await writeFile(join(folder, 'key.pem'), 'key');
});
afterAll(() => rm(folder, { recursive: true }));

const read = (...commandLine: string[]) =>
  readServeOptions(commandLine, { XDG_CONFIG_HOME: '/home/ada/.config' });

/** The whole of what is said, or that nothing was refused. */
function refusal(...commandLine: string[]): string {
  try {
    read(...commandLine);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof LmError)) throw error;
    return `${error.message} ${error.data.repair?.text ?? ''}`;
  }
}

describe('the command line of the headless host', () => {
  it('asks for loopback, the usual port and the folder of the desktop app when it says nothing', () => {
    expect(read('--serve')).toEqual({
      task: 'serve',
      dataFolder: '/home/ada/.config/lm-sandbox',
      host: '127.0.0.1',
      port: 7410,
      portIsDefault: true,
      tls: null,
      otherOrigins: [],
      imageBuildArguments: {},
      assumeYes: false,
      ownHostOptions: [],
    });
  });

  it('says more in the usual ways', () => {
    const options = read(
      ...['--port=0', '--data-folder', '/data', '--allow-origin', 'https://box.example/', '--link'],
      ...['--image-build-argument=BASE=debian:12=x'],
    );
    expect(options).toMatchObject({
      task: 'link',
      port: 0,
      portIsDefault: false,
      dataFolder: '/data',
      otherOrigins: ['https://box.example'],
      imageBuildArguments: { BASE: 'debian:12=x' },
      ownHostOptions: ['--port', '--allow-origin', '--image-build-argument'],
    });
  });

  it.each(['0.0.0.0', '::', '192.168.1.2', 'box.lan', '128.0.0.1', '127.0.0.1.evil.example'])(
    'binds to %s only with TLS and an explicit word, and says what is missing',
    (host) => {
      const tls = ['--tls-cert', join(folder, 'cert.pem'), '--tls-key', join(folder, 'key.pem')];
      expect(refusal('--host', host)).toMatch(
        /TLS and your explicit word.*--tls-cert.*--allow-remote.*ssh -L/,
      );
      expect(refusal('--host', host, '--allow-remote')).toMatch(
        /needs TLS\..*Add --tls-cert FILE --tls-key FILE;/,
      );
      expect(refusal('--host', host, ...tls)).toMatch(/your explicit word\..*Add --allow-remote;/);
      expect(refusal('--host', host, ...tls, '--allow-remote')).toBe('accepted');
    },
  );

  it.each(['127.0.0.1', '127.9.9.9', 'localhost', '::1'])('binds to %s without either', (host) => {
    expect(refusal('--host', host)).toBe('accepted');
  });

  it.each([
    [['--port', '70000'], /no port/],
    [['--port', '8e3'], /no port/],
    [['--tls-cert', '/cert.pem'], /needs its key/],
    [['--tls-cert', '/no/cert.pem', '--tls-key', '/no/key.pem'], /cannot be read \(ENOENT\)/],
    [['--allow-origin', 'box.example'], /no origin/],
    [['--image-build-argument', 'lower=1'], /no build argument/],
    [['--prot', '80'], /--prot.*--help/],
  ])('%j is refused with what to write instead', (commandLine, expected) => {
    expect(refusal(...commandLine)).toMatch(expected);
  });
});
