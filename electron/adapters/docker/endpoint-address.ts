import { LmError } from '../../contract';

export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly skipVerify: boolean;
}

/** Where an engine listens, as far as Node's http needs it. */
export interface EndpointAddress {
  /** For people: the socket's path, or `host:port`. */
  readonly place: string;
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: number;
  readonly tls?: TlsMaterial;
}

/**
 * Reads `unix://`, `tcp://`, `http(s)://` or `host:port`. Throws an LmError: `unsupported` for `ssh://` and
 * other schemes, `invalid_input` for what is no address.
 */
export function parseEndpoint(url: string, tls: TlsMaterial | undefined): EndpointAddress {
  if (url.startsWith('unix://')) {
    const socketPath = url.slice('unix://'.length);
    return { place: socketPath, socketPath };
  }
  if (url.startsWith('ssh://')) throw sshUnsupported(url);
  const parsed = parseUrl(url.includes('://') ? url : `tcp://${url}`);
  if (parsed === null || (parsed.hostname === '' && parsed.protocol === 'tcp:')) {
    throw new LmError('invalid_input', `"${url}" is not the address of a container engine.`, {
      repair: { text: 'Use unix:///var/run/docker.sock or tcp://host:2376.' },
    });
  }
  if (!['tcp:', 'http:', 'https:'].includes(parsed.protocol)) {
    throw new LmError('unsupported', `Addresses of the kind ${parsed.protocol}// are not supported.`, {
      repair: { text: 'Use unix:///… or tcp://….' },
    });
  }
  const secure = parsed.protocol === 'https:' || (parsed.protocol === 'tcp:' && tls !== undefined);
  const port = parsed.port === '' ? (secure ? 2376 : 2375) : Number(parsed.port);
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  return {
    place: `${parsed.hostname}:${port}`,
    host,
    port,
    ...(secure ? { tls: tls ?? { skipVerify: false } } : {}),
  };
}

/**
 * dockerode could log in by SSH, but its way checks no host key and logs in anew for every call; and the
 * gateway's port is published on the far computer's loopback. A forwarded socket and port give both, safely.
 */
function sshUnsupported(url: string): LmError {
  const target = url.slice('ssh://'.length).replace(/\/.*$/, '');
  return new LmError('unsupported', 'Engines reached by ssh:// are not supported directly.', {
    details: { url },
    repair: {
      text: 'Forward the socket and the port with ssh, and set the engine address to unix:///tmp/lm-docker.sock.',
      command: `ssh -nNT -L /tmp/lm-docker.sock:/var/run/docker.sock -L 8000:127.0.0.1:8000 ${target}`,
    },
  });
}

function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
