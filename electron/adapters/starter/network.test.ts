import { expect, test } from 'vitest';
import { pipNetwork, proxyByEnvironment } from './network';
import type { PipSettings } from './pip-settings';

const proxyFor = (address: string, env: NodeJS.ProcessEnv) => proxyByEnvironment(new URL(address), env);

test('A proxy is chosen by the scheme, small letters first, ALL_PROXY last', () => {
  expect(proxyFor('https://a.example/', {})).toBeNull();
  expect(proxyFor('https://a.example/', { HTTP_PROXY: 'http://p' })).toBeNull();
  expect(proxyFor('https://a.example/', { HTTPS_PROXY: 'http://p' })).toBe('http://p');
  expect(proxyFor('https://a.example/', { HTTPS_PROXY: 'http://p', https_proxy: 'http://q' })).toBe(
    'http://q',
  );
  expect(proxyFor('http://a.example/', { ALL_PROXY: 'http://p' })).toBe('http://p');
});

test('NO_PROXY holds names with what is below them, ports, addresses and networks', () => {
  const excluded = (address: string, list: string) =>
    proxyFor(address, { ALL_PROXY: 'http://p', NO_PROXY: list }) === null;
  expect(excluded('https://a.example/', '*')).toBe(true);
  for (const item of ['example', '.example', '*.example', 'a.example', 'b.test, A.example']) {
    expect(excluded('https://a.example/', item), item).toBe(true);
  }
  for (const item of ['b.example', 'ample', '', 'a.example.test']) {
    expect(excluded('https://a.example/', item), item).toBe(false);
  }
  expect(excluded('http://a.example:8080/', 'a.example:8080')).toBe(true);
  expect(excluded('http://a.example:8081/', 'a.example:8080')).toBe(false);
  expect(excluded('http://10.1.2.3/', '10.0.0.0/8')).toBe(true);
  expect(excluded('http://11.1.2.3/', '10.0.0.0/8')).toBe(false);
  expect(excluded('http://10.1.2.3/', '10.1.2.3')).toBe(true);
  expect(excluded('http://[::1]/', '::1')).toBe(true);
});

const plain: PipSettings = {
  indexUrls: [],
  findLinks: [],
  trustedHosts: ['trusted.example', 'ports.example:8443'],
  certificateFile: null,
  proxyUrl: 'http://pip.example',
  timeoutMs: 60_000,
};

test("pip's own settings outrank the environment", () => {
  const network = pipNetwork(plain, { ALL_PROXY: 'http://p', NO_PROXY: '*' });
  expect(network.proxyFor(new URL('https://a.example/'))).toBe('http://pip.example');
  expect(network).toMatchObject({ answerLimitMs: 60_000, silenceLimitMs: 60_000 });
  const checks = (address: string) => network.checksCertificateOf(new URL(address));
  expect(checks('https://a.example/')).toBe(true);
  expect(checks('https://trusted.example:444/')).toBe(false);
  expect(checks('https://ports.example:8443/')).toBe(false);
  expect(checks('https://ports.example/')).toBe(true);
});

test('A file of certificates that cannot be read is named', () => {
  expect(() => pipNetwork({ ...plain, certificateFile: '/none/ca.pem' }, {})).toThrow('/none/ca.pem');
});
