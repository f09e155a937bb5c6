import { afterEach, describe, expect, it, vi } from 'vitest';
import { createDocker, negotiateApiVersion } from './connect';

describe('the API version', () => {
  const engine = (apiVersion: string, minApiVersion: string | null = '1.24') => ({
    version: 'x',
    apiVersion,
    minApiVersion,
  });

  it.each([
    ['1.41', '1.12', '1.41'],
    ['1.51', '1.24', '1.51'],
    ['1.53', '1.44', '1.53'],
    ['1.55', '1.40', '1.55'],
    ['1.60', '1.44', '1.55'],
    ['1.100', null, '1.55'],
    ['2.0', '1.44', '1.55'],
  ])('of an engine with %s (at least %s) is %s', (apiVersion, minApiVersion, negotiated) => {
    expect(negotiateApiVersion(engine(apiVersion, minApiVersion))).toBe(negotiated);
  });

  it('below 1.41 is refused as too old, with what to do', () => {
    expect(() => negotiateApiVersion(engine('1.40'))).toThrow(
      expect.objectContaining({ code: 'engine_too_old', message: expect.stringContaining('1.41') as string }),
    );
    expect(() => negotiateApiVersion(engine('1.9'))).toThrow(
      expect.objectContaining({ code: 'engine_too_old' }),
    );
  });

  it('of an engine that no longer speaks what this app knows is refused the other way round', () => {
    expect(() => negotiateApiVersion(engine('1.70', '1.60'))).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
  });
});

describe('a client', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('takes nothing from DOCKER_HOST, which docker-modem would mix in', () => {
    vi.stubEnv('DOCKER_HOST', 'tcp://elsewhere:9999');
    const { modem } = createDocker({ place: '/x.sock', socketPath: '/x.sock' }, '1.51');
    expect(modem).toMatchObject({ socketPath: '/x.sock', protocol: 'http', version: 'v1.51' });
    expect(modem).toHaveProperty('host', undefined);
    expect(modem).toHaveProperty('port', undefined);
  });

  it('keeps no connection for reuse, because one from before a restart would fail the next call', () => {
    const { modem } = createDocker({ place: 'h:1', host: 'h', port: 1, tls: { skipVerify: true } }, null);
    expect(modem).toMatchObject({
      protocol: 'https',
      agent: { keepAlive: false, options: { rejectUnauthorized: false } },
    });
  });
});
