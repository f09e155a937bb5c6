import { request as requestPlainly, type IncomingHttpHeaders } from 'node:http';
import { request as requestByTls } from 'node:https';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import type { Network } from './network';

const redirectLimit = 10;

export interface Answer {
  /** Where the last redirection led, without user name and password. */
  readonly url: URL;
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  /** The body, once; leaving the loop early closes the connection. */
  chunks(): AsyncGenerator<Buffer>;
  /** Closes the connection, for whom the body does not matter. */
  close(): void;
}

/** An answer, or an address, that another try would not change. */
export class Refused extends Error {}

/**
 * GET with redirections, proxy and certificates; a user name and password in the address are sent to its origin only.
 * @throws Refused, an error of the network, or whatever `signal` was aborted with.
 */
export async function get(
  address: string,
  headers: Readonly<Record<string, string>>,
  network: Network,
  signal: AbortSignal,
): Promise<Answer> {
  const { url: first, authorization } = takeCredentials(address);
  let url = first;
  for (let redirections = 0; redirections <= redirectLimit; redirections += 1) {
    const own = url.origin === first.origin && authorization ? { ...headers, authorization } : headers;
    const answer = await getOnce(url, own, network, signal);
    const target = answer.headers.location;
    if (answer.status < 300 || answer.status > 399 || target === undefined) return answer;
    answer.close();
    const next = parseUrl(target, url.href);
    if (next === null) throw new Refused(`${url.host} leads to “${target}”, which is no address.`);
    url = takeCredentials(next.href).url;
  }
  throw new Refused(`${first.host} redirects without end.`);
}

/** The whole body as text. */
export async function readText(answer: Answer, limitBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer.chunks()) {
    bytes += part.byteLength;
    if (bytes > limitBytes) throw new Refused(`${answer.url.host} answered more than ${limitBytes} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Takes user name and password out of an address, so that no message shows them. */
export function takeCredentials(address: string): { url: URL; authorization: string | null } {
  const url = parseUrl(address);
  if (url === null || !isWeb(url))
    throw new Refused(`“${withoutSecrets(address)}” is no address of the web.`);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  if (username === '' && password === '') return { url, authorization: null };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function getOnce(
  url: URL,
  headers: Readonly<Record<string, string>>,
  network: Network,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestByTls : requestPlainly)(url, {
      headers,
      signal,
      agent: agentFor(url, network),
      ca: [...network.authorities],
      rejectUnauthorized: network.checksCertificateOf(url),
    });
    const { answerLimitMs, silenceLimitMs } = network;
    const unanswered = setTimeout(() => {
      request.destroy(new Refused(`${url.host} did not answer within ${answerLimitMs / 1000} seconds.`));
    }, answerLimitMs);
    request.once('close', () => clearTimeout(unanswered));
    request.on('error', reject);
    request.once('response', (received) => {
      clearTimeout(unanswered);
      const silence = setTimeout(() => {
        received.destroy(new Error(`The server sent nothing for ${silenceLimitMs / 1000} seconds.`));
      }, silenceLimitMs);
      received.once('close', () => clearTimeout(silence));
      resolve({
        url,
        status: received.statusCode ?? 0,
        statusText: received.statusMessage ?? '',
        headers: received.headers,
        chunks: async function* () {
          try {
            for await (const chunk of received) {
              silence.refresh();
              if (chunk instanceof Buffer) yield chunk;
            }
          } finally {
            received.destroy();
          }
        },
        close: () => received.destroy(),
      });
    });
    request.end();
  });
}

/** A connection of its own each time: there are few, and none is to outlive its purpose. */
function agentFor(url: URL, network: Network) {
  const proxy = network.proxyFor(url);
  if (proxy === null) return false;
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
  const parsed = parseUrl(address);
  if (parsed === null || !isWeb(parsed))
    throw new Refused(`The proxy “${withoutSecrets(proxy)}” is neither an HTTP nor an HTTPS proxy.`);
  const options = { ca: [...network.authorities] };
  return url.protocol === 'https:'
    ? new HttpsProxyAgent(address, options)
    : new HttpProxyAgent(address, options);
}

function withoutSecrets(address: string): string {
  return address.replace(/\/\/[^@/]*@/, '//');
}

function isWeb(url: URL): boolean {
  return url.protocol === 'http:' || url.protocol === 'https:';
}

/** Null for what is no address. (`URL.canParse` came after Node 18.15.) */
export function parseUrl(text: string, base?: string): URL | null {
  try {
    return new URL(text, base);
  } catch {
    return null;
  }
}
