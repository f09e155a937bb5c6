import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import {
  LmError,
  doorCloseCodes,
  doorHelloSchema,
  doorPaths,
  maxFrameBytes,
  signInRequestSchema,
} from '../../contract';
import { contentSecurityPolicy, pageSecurityHeaders } from '../../contract/page-policy';
import type { Transport } from '../../rpc/transport';
import { hostInUrl, isLoopback, originsOf, tunnelCommand } from './addresses';
import { SessionCookie } from './cookies';
import { guards as allGuards, type Guards, type RequestFacts } from './guards';
import type { DoorKeeper, Visitor } from './keeper';
import { PageFiles, type PageFile } from './page-files';
import { PageSocket, socketLimits, type SocketLimits } from './page-socket';

export interface BrowserDoorOptions {
  readonly keeper: DoorKeeper;
  readonly connect: (transport: Transport, connectionId: string) => void;
  /** The built page: out/renderer. */
  readonly filesFolder: string;
  /** Name or address to bind to; 127.0.0.1 unless the person asked for more. */
  readonly host: string;
  /** Zero lets the system choose one. */
  readonly port: number;
  readonly tls: { readonly certificate: Buffer; readonly key: Buffer } | null;
  /** Further origins by which browsers reach it, such as that of a proxy in front. */
  readonly otherOrigins: readonly string[];
  /** What may be logged: never a URL, which is where a token could be mistyped to. */
  readonly onRefused?: (reason: string, facts: { readonly method: string; readonly address: string }) => void;
  readonly limits?: SocketLimits;
  /** Tests switch them off one at a time, to see that each one is needed. */
  readonly guards?: Guards;
}

export interface BrowserDoor {
  readonly origin: string;
  readonly port: number;
  readonly tunnelCommand: string | null;
  /** Ends all connections and frees the port. Idempotent. */
  close(): Promise<void>;
}

const maxBodyBytes = 4 * 1024;
const maxHelloBytes = 1024;
const helloLimitMs = 5_000;
/** Whoever does not take the answer to a refused upgrade is cut off after this. */
const refusalLimitMs = 5_000;
const maxConnections = 512;
const maxPagesOfSession = 32;
const goingAway = 1001;
const internalError = 1011;
const tryAgainLater = 1013;

const commonHeaders = {
  ...pageSecurityHeaders,
  'Cache-Control': 'no-store',
  'X-Frame-Options': 'DENY',
  'Permissions-Policy':
    'camera=(), microphone=(), geolocation=(), midi=(), usb=(), serial=(), hid=(), payment=(), display-capture=()',
};

/**
 * Serves the page and its host to browsers. Every request and every upgrade passes `admit` first; what comes after
 * it knows that Host, Origin and Fetch-Metadata are ours, and whose session it is.
 * @throws LmError `port_in_use`, or `storage_failed` where there is no built page.
 */
export async function openBrowserDoor(options: BrowserDoorOptions): Promise<BrowserDoor> {
  const { keeper, tls } = options;
  const guards = options.guards ?? allGuards;
  const files = await PageFiles.open(options.filesFolder).catch((error: unknown) => {
    throw new LmError('storage_failed', `There is no built page in ${options.filesFolder}.`, {
      repair: { text: 'Build it.', command: 'npm run build' },
      cause: error,
    });
  });
  const serverOptions = { maxHeaderSize: 16 * 1024, headersTimeout: 10_000, requestTimeout: 15_000 };
  const server = tls
    ? createHttpsServer({ ...serverOptions, cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2' })
    : createHttpServer(serverOptions);
  server.maxConnections = maxConnections;
  const port = await listen(server, options.host, options.port);
  const scheme = tls ? 'https' : 'http';
  const origins = new Set([...originsOf(options.host, scheme, port), ...options.otherOrigins]);
  const cookie = new SessionCookie(port, tls !== null);
  const pages = new Map<PageSocket, string>();
  let nextPage = 1;

  /** What is wrong with a request before it is looked at any closer; null when nothing is. */
  const admit = (request: IncomingMessage, upgrade: boolean): Refusal | Admission => {
    const pathname = pathOf(request);
    const method = request.method ?? '';
    const facts: RequestFacts = {
      method,
      navigable: !upgrade && (pathname === doorPaths.app || pathname === doorPaths.signIn),
      acts: upgrade || !(method === 'GET' || method === 'HEAD'),
      hosts: headersNamed(request, 'host'),
      origin: request.headers.origin,
      fetchSite: single(request.headers['sec-fetch-site']),
      fetchMode: single(request.headers['sec-fetch-mode']),
      fetchDestination: single(request.headers['sec-fetch-dest']),
    };
    const visitor: Visitor = {
      address: request.socket.remoteAddress ?? 'unknown',
      agent: request.headers['user-agent'] ?? '',
    };
    const refuse = (status: number, reason: string, headers = {}): Refusal => {
      options.onRefused?.(reason, { method: upgrade ? 'upgrade' : method, address: visitor.address });
      return { status, reason, headers };
    };
    if (!guards.host(facts, origins)) {
      return refuse(403, 'This host name is not one of this server.');
    }
    if (!guards.origin(facts, origins)) {
      return refuse(403, 'This comes from another site.');
    }
    if (!guards.fetchMetadata(facts, origins)) {
      return refuse(403, 'This comes from another site.');
    }
    const host = facts.hosts[0] ?? '';
    const values = cookie.read(request.headers.cookie);
    // One that is signed in is not kept out by somebody else at its address who guesses.
    const sessionId = values.map((value) => keeper.findByCookie(value, visitor)).find((id) => id !== null);
    if (sessionId !== undefined && sessionId !== null) {
      return { pathname, visitor, host, sessionId };
    }
    // Nor is one with a right token, which has to get as far as that is looked at, whatever old cookie comes along.
    const open = !upgrade && (facts.navigable || isSignIn(method, pathname) || files.isPublic(pathname));
    if (open) return { pathname, visitor, host, sessionId: null };
    const lockedForMs = keeper.lockedForMs(visitor.address);
    if (lockedForMs > 0 && (upgrade || facts.acts || values.length > 0)) {
      return refuse(429, 'Too many wrong tokens. Wait a minute.', retryAfter(lockedForMs));
    }
    return refuse(401, 'Sign in first.');
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const admission = admit(request, false);
    if ('status' in admission) {
      sendText(response, admission.status, admission.reason, admission.headers);
      return;
    }
    const { pathname, sessionId, visitor } = admission;
    const method = request.method ?? '';
    if (pathname === doorPaths.session) {
      if (method === 'POST') await signIn(request, response, sessionId, visitor);
      else if (method === 'DELETE' && sessionId !== null) {
        await keeper.revoke(sessionId);
        response.writeHead(204, { ...commonHeaders, 'Set-Cookie': cookie.clear() }).end();
      } else if (method === 'GET') response.writeHead(204, commonHeaders).end();
      else sendText(response, 405, 'There is no such method here.', { Allow: 'GET, POST, DELETE' });
      return;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      sendText(response, 405, 'There is no such method here.', { Allow: 'GET, HEAD' });
      return;
    }
    if (pathname === doorPaths.app && sessionId === null) {
      // A fragment survives this, so that a one-time link may also lead to the app itself.
      response.writeHead(303, { ...commonHeaders, Location: doorPaths.signIn }).end();
      return;
    }
    const file = await files.read(fileOf(pathname));
    if (!file) sendText(response, 404, 'There is no such file.');
    else sendFile(request, response, file, `${scheme === 'https' ? 'wss' : 'ws'}://${admission.host}`);
  };

  const signIn = async (
    request: IncomingMessage,
    response: ServerResponse,
    before: string | null,
    visitor: Visitor,
  ): Promise<void> => {
    if (!/^application\/json(;|$)/i.test(request.headers['content-type'] ?? '')) {
      sendText(response, 415, 'Only JSON is read here.');
      return;
    }
    const body = await readBody(request);
    if (body === null) {
      sendText(response, 413, 'That is too much for a token.', { Connection: 'close' });
      return;
    }
    const parsed = signInRequestSchema.safeParse(parseJson(body));
    if (!parsed.success) {
      sendText(response, 400, 'A token is expected here.');
      return;
    }
    // As it was before this one, which may be what locks the address out.
    const lockedForMs = keeper.lockedForMs(visitor.address);
    const secrets = await keeper.redeem(parsed.data.token, visitor);
    if (!secrets && lockedForMs > 0) {
      options.onRefused?.('wrong token', { method: 'POST', address: visitor.address });
      sendText(response, 429, 'Too many wrong tokens. Wait a minute.', retryAfter(lockedForMs));
      return;
    }
    if (!secrets) {
      options.onRefused?.('wrong token', { method: 'POST', address: visitor.address });
      sendText(response, 401, 'This link was used already, or it is too old.');
      return;
    }
    // One browser, one session.
    if (before !== null) await keeper.revoke(before).catch(() => undefined);
    response
      .writeHead(201, {
        ...commonHeaders,
        'Content-Type': 'application/json',
        'Set-Cookie': cookie.set(secrets.cookie),
      })
      .end(JSON.stringify({ key: secrets.key }));
  };

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((error: unknown) => {
      const text = error instanceof LmError ? error.message : 'This failed on the server.';
      if (response.headersSent) response.destroy();
      else sendText(response, 500, text);
    });
  });

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
  });
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    const admission = admit(request, true);
    if ('status' in admission) refuseUpgrade(stream, admission);
    else if (admission.pathname !== doorPaths.rpc || admission.sessionId === null) {
      refuseUpgrade(stream, { status: 404, reason: 'There is no WebSocket here.', headers: {} });
    } else {
      const { sessionId, visitor } = admission;
      sockets.handleUpgrade(request, stream, head, (socket) => greet(socket, sessionId, visitor));
    }
  });

  /** The first message has to hold the key of the page's origin: the cookie alone other local servers may have seen. */
  const greet = (socket: WebSocket, sessionId: string, visitor: Visitor): void => {
    const limit = setTimeout(() => socket.terminate(), helloLimitMs);
    socket.on('error', () => socket.terminate());
    socket.once('close', () => clearTimeout(limit));
    socket.once('message', (data, isBinary) => {
      clearTimeout(limit);
      const text = !isBinary && Buffer.isBuffer(data) && data.byteLength <= maxHelloBytes ? data : null;
      const hello = doorHelloSchema.safeParse(text && parseJson(new TextDecoder().decode(text)));
      if (!hello.success || !keeper.checkKey(sessionId, hello.data.key, visitor)) {
        options.onRefused?.('wrong key', { method: 'hello', address: visitor.address });
        socket.close(doorCloseCodes.signedOut);
        return;
      }
      serve(socket, sessionId);
    });
  };

  const serve = (socket: WebSocket, sessionId: string): void => {
    const ofSession = [...pages.values()].filter((id) => id === sessionId).length;
    if (ofSession >= maxPagesOfSession) {
      socket.close(tryAgainLater);
      return;
    }
    const page = new PageSocket(socket, options.limits ?? socketLimits);
    const connectionId = `browser-${nextPage++}-${randomUUID()}`;
    pages.set(page, sessionId);
    keeper.noteConnected(sessionId, connectionId);
    page.onClose(() => {
      pages.delete(page);
      keeper.noteDisconnected(sessionId, connectionId);
    });
    try {
      options.connect(page, connectionId);
    } catch {
      page.end(internalError);
    }
  };

  const stopRevoked = keeper.onRevoked.on((sessionId) => {
    for (const [page, owner] of [...pages]) if (owner === sessionId) page.signOut();
  });

  let closing: Promise<void> | null = null;
  return {
    origin: new URL(`${scheme}://${hostInUrl(displayHost(options.host))}:${port}`).origin,
    port,
    tunnelCommand: isLoopback(options.host) ? tunnelCommand(port) : null,
    close: () => {
      closing ??= new Promise((resolve) => {
        stopRevoked();
        for (const page of pages.keys()) page.end(goingAway);
        server.close(() => resolve());
        server.closeAllConnections();
        // Sockets that were upgraded are no connections of the server's any more, and end by themselves or are cut.
        setTimeout(() => {
          for (const socket of sockets.clients) socket.terminate();
        }, 1_000).unref();
      });
      return closing;
    },
  };
}

interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Admission {
  readonly pathname: string;
  readonly visitor: Visitor;
  /** The Host header, which is one of ours. */
  readonly host: string;
  readonly sessionId: string | null;
}

function listen(server: ReturnType<typeof createHttpServer>, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') {
        reject(
          new LmError('port_in_use', `Port ${port} of ${host} is in use.`, {
            details: { host, port },
            repair: { text: 'Choose another one.', command: `npm start -- --serve --port ${port + 1}` },
            retryable: true,
          }),
        );
        return;
      }
      reject(
        new LmError('storage_failed', `The door cannot listen at ${host}:${port} (${error.code ?? ''}).`, {
          repair: { text: 'Choose an address of this computer and a port above 1023.' },
        }),
      );
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/** A name that a browser can open. */
function displayHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function isSignIn(method: string, pathname: string): boolean {
  return method === 'POST' && pathname === doorPaths.session;
}

function fileOf(pathname: string): string {
  if (pathname === doorPaths.app) return '/index.html';
  return pathname === doorPaths.signIn ? '/sign-in.html' : pathname;
}

/** The path alone. A query means nothing to any route, and is not looked at. */
function pathOf(request: IncomingMessage): string {
  const target = request.url ?? '';
  return target.split(/[?#]/)[0] ?? '';
}

function headersNamed(request: IncomingMessage, name: string): string[] {
  return request.rawHeaders.filter(
    (_value, index) => index % 2 === 1 && request.rawHeaders[index - 1]?.toLowerCase() === name,
  );
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}

function retryAfter(ms: number): Record<string, string> {
  return { 'Retry-After': String(Math.ceil(ms / 1000)) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Null when there is more of it than any token needs. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) continue;
    size += part.byteLength;
    if (size > maxBodyBytes) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response
    .writeHead(status, { ...commonHeaders, 'Content-Type': 'text/plain; charset=utf-8', ...headers })
    .end(`${text}\n`);
}

function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: PageFile,
  webSocketOrigin: string,
): void {
  const accepts = /\bbr\b/.test(single(request.headers['accept-encoding']) ?? '');
  const bytes = accepts && file.compressed ? file.compressed : file.bytes;
  const headers: Record<string, string | number> = {
    ...commonHeaders,
    'Content-Type': file.type,
    'Content-Length': bytes.byteLength,
    'Content-Security-Policy': contentSecurityPolicy([webSocketOrigin]),
  };
  if (file.immutable) headers['Cache-Control'] = 'private, max-age=31536000, immutable';
  if (file.compressed) headers['Vary'] = 'Accept-Encoding';
  if (bytes === file.compressed) headers['Content-Encoding'] = 'br';
  response.writeHead(200, headers);
  if (request.method === 'HEAD') response.end();
  else response.end(bytes);
}

function refuseUpgrade(stream: Duplex, { status, reason, headers }: Refusal): void {
  const lines = [
    `HTTP/1.1 ${status} ${status === 429 ? 'Too Many Requests' : 'Refused'}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(reason)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  // The server counts it until it is gone, and looks after it no more: the other side may never end its own half.
  stream.end(`${lines.join('\r\n')}\r\n\r\n${reason}`, () => stream.destroy());
  setTimeout(() => stream.destroy(), refusalLimitMs).unref();
}
