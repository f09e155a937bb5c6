import { afterEach, describe, expect, it } from 'vitest';
import { doorPaths } from '../../electron/contract';
import { guards } from '../../electron/headless/door/guards';
import type { DoorService } from '../../electron/services/door';
import { DoorRig, privateFile, publicFile, type Asked } from './rig';

/**
 * Every route and the upgrade, asked with every combination of Host, Origin, Fetch-Metadata and cookie. What has to
 * come is derived below from a few sentences, not from the code; with one protection switched off the same table
 * has to find something that came through, or it would prove nothing about that protection.
 */
type Header = readonly [string, string];

interface Route {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** What comes when nothing is wrong, without and with a session. */
  readonly signedOut: number;
  readonly signedIn: number;
  /** Changes something, or opens a connection: has to say where it comes from. */
  readonly acts?: true;
  /** A link of another site may lead here. */
  readonly navigable?: true;
}

const routes: readonly Route[] = [
  { name: 'the app', method: 'GET', path: '/', signedOut: 303, signedIn: 200, navigable: true },
  {
    name: 'the sign-in page',
    method: 'GET',
    path: '/sign-in',
    signedOut: 200,
    signedIn: 200,
    navigable: true,
  },
  { name: 'its script', method: 'GET', path: publicFile, signedOut: 200, signedIn: 200 },
  { name: 'a script of the app', method: 'GET', path: privateFile, signedOut: 401, signedIn: 200 },
  { name: 'the page by its file', method: 'GET', path: '/index.html', signedOut: 401, signedIn: 200 },
  { name: 'no file', method: 'GET', path: '/nothing', signedOut: 401, signedIn: 404 },
  { name: 'a look at the session', method: 'GET', path: '/session', signedOut: 401, signedIn: 204 },
  { name: 'signing in', method: 'POST', path: '/session', signedOut: 201, signedIn: 201, acts: true },
  { name: 'signing out', method: 'DELETE', path: '/session', signedOut: 401, signedIn: 204, acts: true },
  { name: 'a foreign method', method: 'PUT', path: '/', signedOut: 405, signedIn: 405, acts: true },
  {
    name: 'the WebSocket',
    method: 'upgrade',
    path: doorPaths.rpc,
    signedOut: 401,
    signedIn: 101,
    acts: true,
  },
  { name: 'another upgrade', method: 'upgrade', path: '/', signedOut: 401, signedIn: 404, acts: true },
];

/** Each with whether it is ours, as headers for a port. */
const hosts: readonly { readonly ours: boolean; readonly headers: (port: number) => readonly Header[] }[] = [
  { ours: true, headers: (port) => [['Host', `127.0.0.1:${port}`]] },
  { ours: true, headers: (port) => [['Host', `LOCALHOST:${port}`]] },
  { ours: true, headers: (port) => [['Host', `[::1]:${port}`]] },
  { ours: false, headers: () => [['Host', '127.0.0.1']] },
  { ours: false, headers: (port) => [['Host', `localhost:${port + 1}`]] },
  { ours: false, headers: (port) => [['Host', `evil.example:${port}`]] },
  { ours: false, headers: (port) => [['Host', `127.0.0.1:${port}.evil.example`]] },
  {
    ours: false,
    headers: (port) => [
      ['Host', `127.0.0.1:${port}`],
      ['Host', `evil.example:${port}`],
    ],
  },
];

/** `same` is the origin of the Host header. */
const origins: readonly ('none' | 'same' | ((port: number) => string))[] = [
  'none',
  'same',
  () => 'null',
  () => 'http://evil.example',
  (port) => `http://localhost:${port + 1}`,
  (port) => `https://127.0.0.1:${port}`,
];

const fetches: readonly { readonly fits: (route: Route) => boolean; readonly headers: readonly Header[] }[] =
  [
    { fits: () => true, headers: [] },
    { fits: () => true, headers: [['Sec-Fetch-Site', 'same-origin']] },
    { fits: ({ acts }) => !acts, headers: [['Sec-Fetch-Site', 'none']] },
    { fits: () => false, headers: [['Sec-Fetch-Site', 'cross-site']] },
    { fits: () => false, headers: [['Sec-Fetch-Site', 'same-site']] },
    {
      fits: ({ navigable }) => navigable === true,
      headers: [
        ['Sec-Fetch-Site', 'cross-site'],
        ['Sec-Fetch-Mode', 'navigate'],
        ['Sec-Fetch-Dest', 'document'],
      ],
    },
    {
      fits: () => false,
      headers: [
        ['Sec-Fetch-Site', 'cross-site'],
        ['Sec-Fetch-Mode', 'navigate'],
        ['Sec-Fetch-Dest', 'iframe'],
      ],
    },
  ];

const cookies = ['none', 'wrong', 'revoked', 'of another port', 'right'] as const;

interface Finding {
  readonly request: string;
  readonly status: number;
  readonly expected: number;
}

let rig: DoorRig;
afterEach(() => rig.stop());

/** What differs from what has to come. */
async function judge(chosen: readonly Route[] = routes): Promise<{ asked: number; findings: Finding[] }> {
  const { port } = rig.door;
  const revoked = await rig.signIn();
  await rig.service.revoke(revoked.sessionId);
  let session = await rig.signIn();
  const findings: Finding[] = [];
  let asked = 0;
  for (const route of chosen) {
    for (const host of hosts) {
      for (const origin of origins) {
        for (const fetch of fetches) {
          for (const cookie of cookies) {
            const hostHeaders = host.headers(port);
            const hostName = hostHeaders[0]?.[1] ?? '';
            const originText =
              origin === 'none'
                ? null
                : origin === 'same'
                  ? `http://${hostName.toLowerCase()}`
                  : origin(port);
            const cookieText = {
              none: null,
              wrong: `lm_sandbox_${port}=${'x'.repeat(43)}`,
              revoked: revoked.cookie,
              'of another port': session.cookie.replace(String(port), String(port + 1)),
              right: session.cookie,
            }[cookie];
            const request: Asked = {
              method: route.method,
              path: route.path,
              headers: [
                ...hostHeaders,
                ...(originText === null ? [] : [['Origin', originText] as const]),
                ...fetch.headers,
                ...(cookieText === null ? [] : [['Cookie', cookieText] as const]),
                ...(route.method === 'POST' ? [['Content-Type', 'application/json'] as const] : []),
              ],
              ...(route.method === 'POST' ? { body: JSON.stringify({ token: rig.newToken() }) } : {}),
            };
            const foreign =
              !host.ours ||
              !fetch.fits(route) ||
              (origin === 'none' ? route.acts === true : origin !== 'same');
            const expected = foreign ? 403 : cookie === 'right' ? route.signedIn : route.signedOut;
            const status =
              route.method === 'upgrade' ? await rig.upgrade(request) : (await rig.ask(request)).status;
            // A foreign method may be refused for want of a session or for the method: either is a refusal.
            const fits = status === expected || (expected === 405 && status === 401);
            asked += 1;
            if (!fits) {
              findings.push({ request: `${route.name} ${JSON.stringify(request)}`, status, expected });
            }
            // So that wrong cookies, of which there are many here, lock nobody out; and no session piles up.
            rig.clock.advance(61_000);
            for (const other of rig.service.state().sessions) {
              if (other.id !== session.sessionId) await rig.service.revoke(other.id);
            }
            if (!rig.service.state().sessions.some(({ id }) => id === session.sessionId)) {
              session = await rig.signIn();
            }
          }
        }
      }
    }
  }
  return { asked, findings };
}

/** Requests that had to be refused and were not. */
const admitted = (findings: readonly Finding[]) =>
  findings.filter(({ status, expected }) => (expected === 403 || expected === 401) && status < 400);

describe('every route and the upgrade', { timeout: 120_000 }, () => {
  it('answer by Host, Origin, Fetch-Metadata and session, whatever the combination', async () => {
    rig = await DoorRig.start();
    const { asked, findings } = await judge();
    expect(asked).toBe(routes.length * hosts.length * origins.length * fetches.length * cookies.length);
    expect(findings).toEqual([]);
  });

  const some = routes.filter(({ name }) => ['a script of the app', 'the WebSocket'].includes(name));

  it.each(['host', 'origin', 'fetchMetadata'] as const)(
    'let a stranger in when the check of %s is switched off, so it is needed',
    async (name) => {
      rig = await DoorRig.start(() => ({ guards: { ...guards, [name]: () => true } }));
      expect(admitted((await judge(some)).findings).length).toBeGreaterThan(0);
    },
  );

  it('let a stranger in when sessions are not looked at, so they are needed', async () => {
    rig = await DoorRig.start((service) => ({
      keeper: Object.assign(Object.create(service) as DoorService, { findByCookie: () => 'anybody' }),
    }));
    expect(admitted((await judge(some)).findings).length).toBeGreaterThan(0);
  });
});
