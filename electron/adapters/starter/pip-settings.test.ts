import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPipSettings } from './pip-settings';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'lm-pip-settings-'));
});
afterEach(() => rm(home, { recursive: true }));

async function put(name: string, text: string): Promise<string> {
  const file = path.join(home, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

const read = (env: NodeJS.ProcessEnv = {}) =>
  readPipSettings(env, { platform: 'linux', home, etc: path.join(home, 'etc') });

test('Without any settings the public index is asked', () => {
  expect(read()).toMatchObject({
    indexUrls: ['https://pypi.org/simple'],
    findLinks: [],
    trustedHosts: [],
    certificateFile: null,
    proxyUrl: null,
    timeoutMs: 15_000,
  });
});

test("A user's file is read in the dialect of Python", async () => {
  await put(
    '.config/pip/pip.conf',
    [
      '# of the company',
      '[global]',
      'index-url: https://index.example/simple/',
      'extra_index_url =',
      '    https://one.example/simple',
      '    ; not https://none.example',
      '    https://two.example/simple',
      'trusted-host = one.example two.example:8443',
      'cert = /etc/company.pem',
      'proxy = http://proxy.example:3128',
      'timeout = 60',
      '[install]',
      'index-url = https://wrong.example',
    ].join('\n'),
  );
  expect(read()).toEqual({
    indexUrls: ['https://index.example/simple/', 'https://one.example/simple', 'https://two.example/simple'],
    findLinks: [],
    trustedHosts: ['one.example', 'two.example:8443'],
    certificateFile: '/etc/company.pem',
    proxyUrl: 'http://proxy.example:3128',
    timeoutMs: 60_000,
  });
});

test('What is nearer to the person counts: everybody, user, environment, named file, variable', async () => {
  const index = (host: string) => `[global]\nindex-url = https://${host}.example\n`;
  await put('etc/xdg/pip/pip.conf', index('desktop'));
  expect(read().indexUrls).toEqual(['https://desktop.example']);
  await put('etc/pip.conf', index('everybody'));
  expect(read().indexUrls).toEqual(['https://everybody.example']);
  await put('.pip/pip.conf', index('old'));
  expect(read().indexUrls).toEqual(['https://old.example']);
  await put('.config/pip/pip.conf', index('user'));
  expect(read().indexUrls).toEqual(['https://user.example']);
  const other = path.join(home, 'elsewhere');
  await put('elsewhere/pip/pip.conf', index('elsewhere'));
  expect(read({ XDG_CONFIG_HOME: other }).indexUrls).toEqual(['https://elsewhere.example']);
  const environment = { VIRTUAL_ENV: path.join(home, 'venv') };
  await put('venv/pip.conf', index('environment'));
  expect(read(environment).indexUrls).toEqual(['https://environment.example']);
  const named = { ...environment, PIP_CONFIG_FILE: await put('named.conf', index('named')) };
  expect(read(named).indexUrls).toEqual(['https://named.example']);
  expect(read({ ...named, PIP_INDEX_URL: 'https://variable.example' }).indexUrls).toEqual([
    'https://variable.example',
  ]);
});

test("The command's own section outranks [global], and an empty value counts for nothing", async () => {
  await put(
    '.config/pip/pip.conf',
    '[download]\nindex-url = https://download.example\n[global]\nindex-url = https://global.example\nproxy =\n',
  );
  expect(read({ PIP_PROXY: '' })).toMatchObject({ indexUrls: ['https://download.example'], proxyUrl: null });
});

test("A named file takes the place of the user's, and the null device of every file", async () => {
  await put('.config/pip/pip.conf', '[global]\nproxy = http://user.example\n');
  const named = await put('named.conf', '[global]\ntimeout = 20\n');
  expect(read({ PIP_CONFIG_FILE: named })).toMatchObject({ proxyUrl: null, timeoutMs: 20_000 });
  expect(read({ PIP_CONFIG_FILE: path.join(home, 'none') }).proxyUrl).toBe('http://user.example');
  expect(read({ PIP_CONFIG_FILE: '/dev/null' }).proxyUrl).toBeNull();
});

test('An index can be forbidden, and folders named instead', () => {
  expect(read({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: '/wheels https://links.example/' })).toMatchObject({
    indexUrls: [],
    findLinks: ['/wheels', 'https://links.example/'],
  });
  expect(read({ PIP_NO_INDEX: 'false' }).indexUrls).toHaveLength(1);
});
