import { inspect } from 'node:util';
import http from 'node:http';
import https from 'node:https';
import { Socket } from 'node:net';
import Docker from 'dockerode';
import { LmError } from '../../contract';
import type { EndpointAddress } from './endpoint-address';

/** The oldest API spoken: Engine 20.10, the oldest that supported distributions still ship. */
export const oldestApiVersion = '1.41';
/** The newest API whose changes were read; a newer engine is spoken to in this one. */
export const newestApiVersion = '1.55';

/**
 * After this silence the kernel probes the peer once a second, ten times; so one that vanished without a word
 * ends a stream within 15 s, even a stream on which nothing is sent.
 */
const keepAliveIdleMs = 5_000;

// Connections are not kept for reuse: one from before a restart of the engine would fail the next call, and
// only a new connection shows that the engine still answers.
class PlainAgent extends http.Agent {
  override createConnection(...args: Parameters<http.Agent['createConnection']>) {
    return watchPeer(super.createConnection(...args));
  }
}

class TlsAgent extends https.Agent {
  override createConnection(...args: Parameters<https.Agent['createConnection']>) {
    return watchPeer(super.createConnection(...args));
  }
}

function watchPeer<T>(connection: T): T {
  if (connection instanceof Socket) connection.setKeepAlive(true, keepAliveIdleMs);
  return connection;
}

/** A client for this address; `apiVersion` null speaks without a version, as only `/version` may be asked. */
export function createDocker(address: EndpointAddress, apiVersion: string | null): Docker {
  const { tls } = address;
  // Every option is given, because docker-modem takes what is left out from DOCKER_HOST.
  const options = {
    socketPath: address.socketPath,
    host: address.host,
    port: address.port,
    protocol: tls ? ('https' as const) : ('http' as const),
    ca: tls?.ca,
    cert: tls?.cert,
    key: tls?.key,
    agent: tls ? new TlsAgent({ rejectUnauthorized: !tls.skipVerify }) : new PlainAgent(),
    version: apiVersion === null ? undefined : `v${apiVersion}`,
    pathPrefix: '/',
    timeout: undefined,
  };
  // The types of dockerode do not know `agent`, which docker-modem passes to Node's http.
  const docker = new Docker(options);
  hideFromInspection(docker.modem);
  return docker;
}

/**
 * docker-modem (5.0.7) prints the options of every request with util.inspect, hidden properties and any depth, into a
 * debug text that nobody reads. Through an abort signal or an agent that is half of the host, on every request; in
 * Electron 25 looking into its weak collections even ends the process.
 */
function hideFromInspection(modem: object): void {
  const build: unknown = Reflect.get(modem, 'buildRequest');
  if (typeof build !== 'function') return;
  const buildQuietly = (options: object, ...rest: unknown[]): unknown => {
    Object.defineProperty(options, inspect.custom, { value: () => 'request options' });
    return Reflect.apply(build, modem, [options, ...rest]) as unknown;
  };
  Reflect.set(modem, 'buildRequest', buildQuietly);
}

/**
 * The newest API version that both sides speak. Throws `engine_too_old`, or `unsupported` when the engine
 * speaks only newer ones.
 */
export function negotiateApiVersion(engine: {
  readonly version: string;
  readonly apiVersion: string;
  readonly minApiVersion: string | null;
}): string {
  if (compare(engine.apiVersion, oldestApiVersion) < 0) {
    throw new LmError(
      'engine_too_old',
      `Engine ${engine.version} speaks API ${engine.apiVersion}; lm-sandbox needs ${oldestApiVersion} or newer.`,
      {
        details: { version: engine.version, apiVersion: engine.apiVersion },
        repair: {
          text: 'Upgrade to Docker Engine 20.10 or newer, see https://docs.docker.com/engine/install/.',
        },
      },
    );
  }
  if (engine.minApiVersion !== null && compare(engine.minApiVersion, newestApiVersion) > 0) {
    throw new LmError(
      'unsupported',
      `Engine ${engine.version} no longer speaks API ${newestApiVersion}, the newest that lm-sandbox knows.`,
      {
        details: { version: engine.version, minApiVersion: engine.minApiVersion },
        repair: { text: 'Upgrade lm-sandbox.' },
      },
    );
  }
  return compare(engine.apiVersion, newestApiVersion) > 0 ? newestApiVersion : engine.apiVersion;
}

function compare(left: string, right: string): number {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number);
  return leftMajor - rightMajor || leftMinor - rightMinor;
}
