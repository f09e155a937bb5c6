import { hostname, networkInterfaces, userInfo } from 'node:os';

/** The same at each start, so that browsers find their session again and a tunnel need not be made anew. */
export const defaultDoorPort = 7410;

const loopbackNames = ['127.0.0.1', 'localhost', '[::1]'];

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** As it stands in a URL. */
export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

export function loopbackOrigins(scheme: 'http' | 'https', port: number): string[] {
  return loopbackNames.map((name) => new URL(`${scheme}://${name}:${port}`).origin);
}

/**
 * By what names a door that is bound to `host` is reached. Addresses are safe to allow: DNS rebinding needs a name
 * that its owner can point elsewhere.
 */
export function originsOf(host: string, scheme: 'http' | 'https', port: number): string[] {
  const origin = (name: string) => new URL(`${scheme}://${hostInUrl(name)}:${port}`).origin;
  if (isLoopback(host)) return [...new Set([origin(host), ...loopbackOrigins(scheme, port)])];
  if (host !== '0.0.0.0' && host !== '::') return [origin(host), ...loopbackOrigins(scheme, port)];
  const addresses = Object.values(networkInterfaces())
    .flat()
    .flatMap((address) => (address ? [address.address.replace(/%.*$/, '')] : []));
  return [...new Set([origin(hostname()), ...addresses.map(origin), ...loopbackOrigins(scheme, port)])];
}

/** To be typed on the other computer; what goes through it arrives here from loopback. */
export function tunnelCommand(
  port: number,
  env: NodeJS.ProcessEnv = process.env,
  readUser: () => { readonly username: string } = userInfo,
): string {
  // "client address, client port, server address, server port" of the SSH connection this runs in.
  const server = env['SSH_CONNECTION']?.split(' ')[2] ?? hostname();
  const user = userName(readUser);
  return `ssh -N -L ${port}:127.0.0.1:${port} ${user === null ? server : `${user}@${server}`}`;
}

/** Null for a user who is no account of this computer, as in a container that was given a number. */
function userName(read: () => { readonly username: string }): string | null {
  try {
    return read().username;
  } catch {
    return null;
  }
}
