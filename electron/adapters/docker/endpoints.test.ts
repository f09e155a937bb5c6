import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseEndpoint } from './endpoint-address';
import { findEndpoints, isEngineInstalled, type EndpointEnvironment } from './endpoints';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lm-endpoints-'));
});
afterEach(() => rm(home, { recursive: true }));

const environment = (env: EndpointEnvironment['env'] = {}): EndpointEnvironment => ({
  env,
  homeFolder: home,
  userId: 1000,
  platform: 'linux',
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(home, path)), { recursive: true });
  await writeFile(join(home, path), text);
}

const contextId = (name: string) => createHash('sha256').update(name).digest('hex');

const writeContext = (name: string, host: string, docker: object = {}) =>
  write(
    `.docker/contexts/meta/${contextId(name)}/meta.json`,
    JSON.stringify({ Name: name, Metadata: {}, Endpoints: { docker: { Host: host, ...docker } } }),
  );

const find = async (env: EndpointEnvironment['env'] = {}, engineUrl: string | null = null) =>
  (await findEndpoints(environment(env), engineUrl)).map(
    ({ endpoint }) => `${endpoint.origin} ${endpoint.url}`,
  );

describe('where engines are looked for', () => {
  it('is only the address in the settings when there is one', async () => {
    expect(await find({ DOCKER_HOST: 'tcp://a:1' }, 'unix:///mine.sock')).toEqual([
      'setting unix:///mine.sock',
    ]);
  });

  it('is only DOCKER_HOST when that is set, as for docker itself', async () => {
    await writeContext('other', 'unix:///other.sock');
    expect(await find({ DOCKER_HOST: 'tcp://a:1' })).toEqual(['environment tcp://a:1']);
    expect(await find({ DOCKER_HOST: 'box:2375' })).toEqual(['environment tcp://box:2375']);
    expect((await find({ DOCKER_HOST: '' })).length).toBeGreaterThan(1);
  });

  it('is the usual sockets: default, rootless, Docker Desktop, Podman', async () => {
    expect(await find({ XDG_RUNTIME_DIR: `${home}/run` })).toEqual([
      'default unix:///var/run/docker.sock',
      `rootless unix://${home}/run/docker.sock`,
      `default unix://${home}/.docker/desktop/docker.sock`,
      `default unix://${home}/.docker/run/docker.sock`,
      `podman unix://${home}/run/podman/podman.sock`,
      'podman unix:///run/podman/podman.sock',
    ]);
    expect(await find()).toContain('rootless unix:///run/user/1000/docker.sock');
  });

  it('is first the current context, and of the others only those on this computer', async () => {
    await write('.docker/config.json', JSON.stringify({ currentContext: 'gpu-box', auths: {} }));
    await writeContext('gpu-box', 'tcp://box:2376');
    await writeContext('local', `unix://${home}/local.sock`);
    await writeContext('elsewhere', 'tcp://elsewhere:2376');
    const found = await find();
    expect(found[0]).toBe('context tcp://box:2376');
    expect(found[1]).toBe(`context unix://${home}/local.sock`);
    expect(found.join()).not.toContain('elsewhere');
    expect((await find({ DOCKER_CONTEXT: 'elsewhere' }))[0]).toBe('context tcp://elsewhere:2376');
  });

  it('is the default socket before contexts that nobody chose', async () => {
    await writeContext('local', `unix://${home}/local.sock`);
    expect((await find()).slice(0, 2)).toEqual([
      'default unix:///var/run/docker.sock',
      `context unix://${home}/local.sock`,
    ]);
  });

  it('takes the certificates of a context, and of DOCKER_CERT_PATH', async () => {
    await write('.docker/config.json', JSON.stringify({ currentContext: 'box' }));
    await writeContext('box', 'tcp://box:2376', { SkipTLSVerify: false });
    for (const name of ['ca', 'cert', 'key']) {
      await write(`.docker/contexts/tls/${contextId('box')}/docker/${name}.pem`, name);
      await write(`certs/${name}.pem`, `own ${name}`);
    }
    const [context] = await findEndpoints(environment(), null);
    expect(context?.tls).toEqual({ ca: 'ca', cert: 'cert', key: 'key', skipVerify: false });
    const [host] = await findEndpoints(
      environment({
        DOCKER_HOST: 'tcp://a:2376',
        DOCKER_TLS_VERIFY: '1',
        DOCKER_CERT_PATH: join(home, 'certs'),
      }),
      null,
    );
    expect(host?.tls).toEqual({ ca: 'own ca', cert: 'own cert', key: 'own key', skipVerify: false });
    const [plain] = await findEndpoints(environment({ DOCKER_HOST: 'tcp://a:2375' }), null);
    expect(plain?.tls).toBeUndefined();
  });

  it('names a socket once that is reached by two paths', async () => {
    await mkdir(join(home, 'real'));
    await write('real/docker.sock', '');
    await symlink(join(home, 'real'), join(home, 'link'));
    await writeContext('a', `unix://${home}/real/docker.sock`);
    await writeContext('b', `unix://${home}/link/docker.sock`);
    expect((await find()).filter((endpoint) => endpoint.startsWith('context'))).toHaveLength(1);
  });

  it('survives a broken docker configuration', async () => {
    await write('.docker/config.json', '{');
    await write('.docker/contexts/meta/x/meta.json', 'null');
    expect((await find())[0]).toBe('default unix:///var/run/docker.sock');
  });
});

it('an engine is installed when one of its programs can be executed', async () => {
  const folders = (path: string) => isEngineInstalled(environment({ PATH: path }), []);
  expect(await folders(home)).toBe(false);
  await write('podman', '');
  expect(await folders(home)).toBe(false);
  await chmod(join(home, 'podman'), 0o755);
  expect(await folders(`/nonexistent:${home}`)).toBe(true);
});

describe('an address', () => {
  it.each([
    ['unix:///run/x.sock', { place: '/run/x.sock', socketPath: '/run/x.sock' }],
    ['tcp://box', { place: 'box:2375', host: 'box', port: 2375 }],
    ['http://box:99', { place: 'box:99', host: 'box', port: 99 }],
    ['https://box', { place: 'box:2376', host: 'box', port: 2376, tls: { skipVerify: false } }],
    ['tcp://[::1]:2375', { place: '[::1]:2375', host: '::1', port: 2375 }],
  ])('%s is read', (url, address) => {
    expect(parseEndpoint(url, undefined)).toEqual(address);
  });

  it('speaks TLS by tcp:// when there are certificates', () => {
    const tls = { ca: 'x', skipVerify: false };
    expect(parseEndpoint('tcp://box', tls)).toEqual({ place: 'box:2376', host: 'box', port: 2376, tls });
  });

  it.each([
    ['ssh://me@box/var/run', 'unsupported'],
    ['npipe:////./pipe/docker', 'unsupported'],
    ['fd://', 'unsupported'],
    ['tcp://', 'invalid_input'],
  ])('%s is %s', (url, code) => {
    expect(() => parseEndpoint(url, undefined)).toThrow(expect.objectContaining({ code }));
  });
});
