import { createHash } from 'node:crypto';
import { access, constants, readFile, readdir, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { z } from 'zod';
import type { EngineEndpoint } from '../../contract';
import type { TlsMaterial } from './endpoint-address';

/** What finding engines depends on, so that a test can stand for another computer. */
export interface EndpointEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeFolder: string;
  /** Numeric user id; null where there is none (Windows). */
  readonly userId: number | null;
  /** As Node's process.platform. */
  readonly platform: string;
}

export interface FoundEndpoint {
  readonly endpoint: EngineEndpoint;
  readonly tls: TlsMaterial | undefined;
}

const configSchema = z.object({ currentContext: z.string().nullish() });
const contextSchema = z.object({
  Name: z.string(),
  Endpoints: z.object({
    docker: z.object({ Host: z.string().nullish(), SkipTLSVerify: z.boolean().nullish() }).nullish(),
  }),
});

/**
 * Where engines may listen, in the order of preference: as docker's own client chooses (a setting, DOCKER_HOST,
 * the current context), then the usual sockets. The setting and DOCKER_HOST exclude everything else: whoever
 * names an engine does not want his containers made in another one.
 */
export async function findEndpoints(
  environment: EndpointEnvironment,
  engineUrl: string | null,
): Promise<FoundEndpoint[]> {
  const { env } = environment;
  const tls = await readEnvironmentTls(env);
  if (engineUrl !== null) {
    return [{ endpoint: { url: engineUrl, origin: 'setting', label: 'Settings' }, tls }];
  }
  const host = env['DOCKER_HOST'];
  if (host) {
    return [{ endpoint: { url: withScheme(host), origin: 'environment', label: 'DOCKER_HOST' }, tls }];
  }
  const found = [...(await readContexts(environment)), ...usualSockets(environment)];
  return withoutRepetition(found);
}

/** A desktop session's PATH often lacks them. */
const packageFolders = ['/usr/sbin', '/usr/bin', '/usr/local/bin', '/snap/bin'];

/** Whether programs of an engine lie on PATH or where packages put them. */
export async function isEngineInstalled(
  environment: EndpointEnvironment,
  alsoIn: readonly string[] = packageFolders,
): Promise<boolean> {
  const path = environment.env['PATH'] ?? '';
  const folders = [...path.split(delimiter).filter(Boolean), ...alsoIn];
  for (const folder of new Set(folders)) {
    for (const program of ['dockerd', 'docker', 'podman']) {
      if (await canExecute(join(folder, program))) return true;
    }
  }
  return false;
}

function usualSockets({ env, homeFolder, userId, platform }: EndpointEnvironment): FoundEndpoint[] {
  // Windows has named pipes instead, which are not supported yet; there DOCKER_HOST or the setting is needed.
  if (platform === 'win32') return [];
  const usualRuntimeFolder = platform === 'linux' && userId !== null ? `/run/user/${userId}` : null;
  const runtimeFolder = env['XDG_RUNTIME_DIR'] || usualRuntimeFolder;
  const socket = (origin: EngineEndpoint['origin'], path: string): FoundEndpoint => ({
    endpoint: { url: `unix://${path}`, origin, label: path },
    tls: undefined,
  });
  return [
    socket('default', '/var/run/docker.sock'),
    ...(runtimeFolder === null ? [] : [socket('rootless', `${runtimeFolder}/docker.sock`)]),
    // Docker Desktop on Linux and on macOS.
    socket('default', join(homeFolder, '.docker/desktop/docker.sock')),
    socket('default', join(homeFolder, '.docker/run/docker.sock')),
    ...(runtimeFolder === null ? [] : [socket('podman', `${runtimeFolder}/podman/podman.sock`)]),
    socket('podman', '/run/podman/podman.sock'),
  ];
}

async function readContexts(environment: EndpointEnvironment): Promise<FoundEndpoint[]> {
  const { env, homeFolder } = environment;
  const folder = env['DOCKER_CONFIG'] || join(homeFolder, '.docker');
  const config = await readJson(join(folder, 'config.json'), configSchema);
  const current = env['DOCKER_CONTEXT'] || config?.currentContext || 'default';
  const metaFolder = join(folder, 'contexts', 'meta');
  const found: FoundEndpoint[] = [];
  for (const id of await readFolder(metaFolder)) {
    const context = await readJson(join(metaFolder, id, 'meta.json'), contextSchema);
    const host = context?.Endpoints.docker?.Host;
    if (!context || !host) continue;
    const isCurrent = context.Name === current;
    // Another computer is asked only when the person made its context the current one.
    if (!isCurrent && !host.startsWith('unix://')) continue;
    const endpoint: EngineEndpoint = { url: withScheme(host), origin: 'context', label: context.Name };
    const material = await readTlsFolder(
      join(folder, 'contexts', 'tls', createHash('sha256').update(context.Name).digest('hex'), 'docker'),
      context.Endpoints.docker?.SkipTLSVerify ?? false,
    );
    if (isCurrent) found.unshift({ endpoint, tls: material });
    else found.push({ endpoint, tls: material });
  }
  if (current !== 'default') return found;
  // Docker's own "default" context is the default socket, which stands before contexts that are not chosen.
  return [...usualSockets(environment).slice(0, 1), ...found];
}

/** As docker's client reads them: DOCKER_TLS_VERIFY asks for TLS, DOCKER_CERT_PATH says where the files are. */
async function readEnvironmentTls(env: EndpointEnvironment['env']): Promise<TlsMaterial | undefined> {
  const folder = env['DOCKER_CERT_PATH'];
  const verify = Boolean(env['DOCKER_TLS_VERIFY']);
  if (!folder) return verify ? { skipVerify: false } : undefined;
  const material = await readTlsFolder(folder, !verify);
  return material ?? (verify ? { skipVerify: false } : undefined);
}

async function readTlsFolder(folder: string, skipVerify: boolean): Promise<TlsMaterial | undefined> {
  const read = async (name: string) => {
    try {
      return await readFile(join(folder, name), 'utf8');
    } catch {
      // A file that is not there or not readable is left out; the handshake then says what is missing.
      return undefined;
    }
  };
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('cert.pem'), read('key.pem')]);
  if (ca === undefined && cert === undefined && !skipVerify) return undefined;
  return { ca, cert, key, skipVerify };
}

/** The same socket is reached by several paths: /var/run is a link to /run. */
async function withoutRepetition(found: readonly FoundEndpoint[]): Promise<FoundEndpoint[]> {
  const seen = new Set<string>();
  const result: FoundEndpoint[] = [];
  for (const item of found) {
    const { url } = item.endpoint;
    const key = url.startsWith('unix://') ? await resolvePath(url.slice('unix://'.length)) : url;
    if (seen.has(key)) continue;
    seen.add(key);
    result.push(item);
  }
  return result;
}

async function resolvePath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path;
  }
}

function withScheme(host: string): string {
  return host.includes('://') ? host : `tcp://${host}`;
}

async function readJson<S extends z.ZodType>(path: string, schema: S): Promise<z.infer<S> | undefined> {
  try {
    return schema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data;
  } catch {
    // Docker's own configuration is optional, and its client complains where it is broken.
    return undefined;
  }
}

async function readFolder(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch {
    return [];
  }
}

async function canExecute(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
