import { existsSync, readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { LmError } from '../../contract';
import type { PipSettings } from './pip-settings';

/** How this computer reaches others. */
export interface Network {
  /** Null for a direct connection. */
  proxyFor(url: URL): string | null;
  /** Certificates that count, PEM. */
  readonly authorities: readonly string[];
  /** False where the person said that this host's certificate shall not be looked at. */
  checksCertificateOf(url: URL): boolean;
  /** Who has not begun to answer for so long is not there: a firewall may drop what it does not let through. */
  readonly answerLimitMs: number;
  /** Without a byte for so long the connection counts as lost. */
  readonly silenceLimitMs: number;
}

const answerLimitMs = 15_000;
const silenceLimitMs = 30_000;

/** Where systems keep the authorities that they trust. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** By the environment: proxies, and authorities besides those that Node and the system know. */
export function machineNetwork(env: NodeJS.ProcessEnv): Network {
  const system = systemBundles.find((file) => existsSync(file));
  // npm tells the file of its own settings to what it runs.
  const named = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'npm_config_cafile'].map((name) => env[name]);
  const files = new Set([system, ...named].filter((file) => file && existsSync(file)));
  return {
    proxyFor: (url) => proxyByEnvironment(url, env),
    authorities: [...rootCertificates, ...[...files].map((file) => readFileSync(file ?? '', 'utf8'))],
    checksCertificateOf: () => true,
    answerLimitMs,
    silenceLimitMs,
  };
}

/** As pip reaches its index: what its settings leave open comes from the environment. */
export function pipNetwork(settings: PipSettings, env: NodeJS.ProcessEnv): Network {
  const machine = machineNetwork(env);
  const file = settings.certificateFile ?? env['REQUESTS_CA_BUNDLE'] ?? env['CURL_CA_BUNDLE'];
  return {
    proxyFor: (url) => settings.proxyUrl ?? machine.proxyFor(url),
    authorities: file ? [readCertificates(file)] : machine.authorities,
    checksCertificateOf: (url) =>
      !settings.trustedHosts.some((host) => host === url.host || host === url.hostname),
    answerLimitMs: settings.timeoutMs,
    silenceLimitMs: Math.max(silenceLimitMs, settings.timeoutMs),
  };
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new LmError('registry_unreachable', `pip's certificates in ${file} cannot be read.`, {
      repair: { text: 'Correct `cert` in pip.conf, or PIP_CERT.' },
      cause: error,
    });
  }
}

/**
 * HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY as pip reads them: small letters first; NO_PROXY holds names,
 * which count for what ends with them, addresses and networks in CIDR notation.
 */
export function proxyByEnvironment(url: URL, env: NodeJS.ProcessEnv): string | null {
  const value = (name: string) => env[name] || env[name.toUpperCase()] || null;
  const proxy = value(`${url.protocol.slice(0, -1)}_proxy`) ?? value('all_proxy');
  if (proxy === null) return null;
  const excluded = (value('no_proxy') ?? '').split(/[\s,]+/).filter((item) => item !== '');
  return excluded.some((item) => covers(item, url)) ? null : proxy;
}

function covers(item: string, url: URL): boolean {
  if (item === '*') return true;
  const hostname = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const [network = '', bits] = item.split('/');
  if (bits !== undefined) return isIP(network) === 4 && isIP(hostname) === 4 && isIn(hostname, network, bits);
  const name = item.toLowerCase().replace(/^[*]?\./, '');
  if (name === hostname || name === url.host.toLowerCase()) return true;
  return isIP(hostname) === 0 && hostname.endsWith(`.${name}`);
}

function isIn(address: string, network: string, bits: string): boolean {
  const prefix = Number(bits);
  if (!/^\d+$/.test(bits) || prefix > 32) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix);
  return list.check(address);
}
