import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { doorCloseCodes, maxFrameBytes } from '../../electron/contract';
import { openBrowserDoor } from '../../electron/headless/door';
import { socketLimits } from '../../electron/headless/door/page-socket';
import { DoorService } from '../../electron/services/door';
import { silentLogger } from '../../electron/services/foundation';
import { createDoorSessionFile } from '../../electron/adapters/storage/door-session-file';
import { DoorRig, privateFile, publicFile, sayHello } from './rig';

let rig: DoorRig;
afterEach(() => rig.stop());

/** A page that is signed in and has said hello, and the host's end of it. */
async function openPage() {
  const session = await rig.signIn();
  const socket = await rig.socket(session);
  sayHello(socket, session.key);
  const page = await rig.nextPage();
  return { session, socket, page };
}

const closeCode = async (socket: WebSocket): Promise<unknown> => {
  const [code] = (await once(socket, 'close')) as [number];
  return code;
};

describe('a one-time link', () => {
  it('signs one browser in, once, with a cookie that no script reads and no other site sends', async () => {
    rig = await DoorRig.start();
    const token = rig.newToken();
    const first = await rig.post(token);
    expect(first.status).toBe(201);
    expect(first.headers['set-cookie']).toEqual([
      expect.stringMatching(
        new RegExp(
          `^lm_sandbox_${rig.door.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000$`,
        ),
      ),
    ]);
    expect(first.body).toMatch(/^\{"key":"[\w-]{43}"\}$/);
    expect(first.headers['cache-control']).toBe('no-store');
    const second = await rig.post(token);
    expect(second.status).toBe(401);
    expect(second.headers['set-cookie']).toBeUndefined();
  });

  it('is worth nothing after ten minutes', async () => {
    rig = await DoorRig.start();
    const token = rig.newToken();
    rig.clock.advance(10 * 60_000);
    expect((await rig.post(token)).status).toBe(401);
  });

  it('is not taken from a query, a header or a form', async () => {
    rig = await DoorRig.start();
    const token = rig.newToken();
    const json = [
      ['Origin', `http://${rig.host}`],
      ['Content-Type', 'application/json'],
    ] as const;
    const form = [json[0], ['Content-Type', 'application/x-www-form-urlencoded']] as const;
    const statuses = [
      (await rig.ask({ path: `${privateFile}?token=${token}` })).status,
      (await rig.ask({ path: privateFile, headers: [['Authorization', `Bearer ${token}`]] })).status,
      (await rig.ask({ method: 'POST', path: `/session?token=${token}`, headers: json, body: '{}' })).status,
      (await rig.ask({ method: 'POST', path: '/session', headers: form, body: `token=${token}` })).status,
      await rig.upgrade({ path: `/rpc?token=${token}`, headers: [json[0]] }),
    ];
    expect(statuses).toEqual([401, 401, 400, 415, 401]);
    // None of this has used it up, and none of it was logged.
    expect((await rig.post(token)).status).toBe(201);
    expect(rig.refused.length).toBeGreaterThan(0);
    expect(rig.refused.join('\n')).not.toContain(token);
  });

  it('cannot be guessed: after ten wrong tokens further ones are turned away for a minute, and right ones are not', async () => {
    rig = await DoorRig.start();
    const inside = await rig.signIn();
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      expect((await rig.post('x'.repeat(43))).status).toBe(401);
    }
    rig.clock.advance(1_000);
    // Going on does not let it wait longer.
    for (let attempt = 1; attempt <= 12; attempt += 1) {
      const refused = await rig.post('x'.repeat(43));
      expect([refused.status, refused.headers['retry-after']]).toEqual([429, '59']);
    }
    // Somebody else at the same address, whose browser still has a cookie of before, signs in meanwhile.
    const old: [string, string] = ['Cookie', `lm_sandbox_${rig.door.port}=${'y'.repeat(43)}`];
    expect((await rig.ask({ path: '/sign-in', headers: [old] })).status).toBe(200);
    expect((await rig.ask({ path: publicFile, headers: [old] })).status).toBe(200);
    expect((await rig.ask({ path: privateFile, headers: [old] })).status).toBe(429);
    expect((await rig.post(rig.newToken(), [old])).status).toBe(201);
    expect((await rig.post('x'.repeat(43))).status).toBe(429);
    const upgrade = await rig.upgrade({
      path: '/rpc',
      headers: [
        ['Origin', `http://${rig.host}`],
        ['Cookie', `lm_sandbox_${rig.door.port}=${'x'.repeat(43)}`],
      ],
    });
    expect(upgrade).toBe(429);
    // Who is signed in already is not kept out by a neighbour who guesses.
    const known = await rig.ask({ path: privateFile, headers: [['Cookie', inside.cookie]] });
    expect(known.status).toBe(200);
    rig.clock.advance(59_000);
    expect((await rig.post('x'.repeat(43))).status).toBe(401);
  });

  it('would be guessed on and on without the lock-out, so it is needed', async () => {
    rig = await DoorRig.start((service) => ({
      keeper: Object.assign(Object.create(service) as DoorService, { lockedForMs: () => 0 }),
    }));
    const statuses = new Set<number>();
    for (let attempt = 1; attempt <= 12; attempt += 1) {
      statuses.add((await rig.post('x'.repeat(43))).status);
    }
    expect([...statuses]).toEqual([401]);
  });

  it('is read from a small body only', async () => {
    rig = await DoorRig.start();
    const headers = [
      ['Origin', `http://${rig.host}`],
      ['Content-Type', 'application/json'],
    ] as const;
    const ask = (body: string) => rig.ask({ method: 'POST', path: '/session', headers, body });
    expect((await ask('x'.repeat(5_000))).status).toBe(413);
    expect((await ask('{')).status).toBe(400);
    expect((await ask('{"token":5}')).status).toBe(400);
    expect((await ask('{"token":"a","more":1}')).status).toBe(400);
  });

  it('replaces the session that the browser had', async () => {
    rig = await DoorRig.start();
    const before = await rig.signIn();
    expect((await rig.post(rig.newToken(), [['Cookie', before.cookie]])).status).toBe(201);
    const { sessions } = rig.service.state();
    expect(sessions).toHaveLength(1);
    expect(sessions[0]?.id).not.toBe(before.sessionId);
  });
});

describe('the files', () => {
  it('come with the content policy of the desktop, and without being sniffed, framed or kept', async () => {
    rig = await DoorRig.start();
    const { cookie } = await rig.signIn();
    const app = await rig.ask({ path: '/', headers: [['Cookie', cookie]] });
    expect(app.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    const policy = app.headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).toContain(`connect-src 'self' ws://${rig.host};`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(app.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('named after their content are kept for good, and sent small to who understands it', async () => {
    rig = await DoorRig.start();
    const { cookie } = await rig.signIn();
    const plain = await rig.ask({ path: privateFile, headers: [['Cookie', cookie]] });
    expect(plain.headers['cache-control']).toBe('private, max-age=31536000, immutable');
    expect(plain.headers['content-type']).toBe('text/javascript; charset=utf-8');
    const small = await rig.ask({
      path: privateFile,
      headers: [
        ['Cookie', cookie],
        ['Accept-Encoding', 'gzip, br'],
      ],
    });
    expect(small.headers['content-encoding']).toBe('br');
    expect(small.body.length).toBeLessThan(plain.body.length / 10);
    expect(brotliDecompressSync(Buffer.from(small.body, 'latin1')).toString()).toBe(plain.body);
    const head = await rig.ask({ method: 'HEAD', path: privateFile, headers: [['Cookie', cookie]] });
    expect([head.status, head.headers['content-length'], head.body]).toEqual([
      200,
      plain.headers['content-length'],
      '',
    ]);
  });

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/..%5csecret.txt',
    '/assets/../../secret.txt',
    '/assets/%00',
    '//etc/passwd',
    '/%',
    '/assets/',
    '/assets',
  ])('outside the page are not reached by %s', async (path) => {
    rig = await DoorRig.start();
    const { cookie } = await rig.signIn();
    expect((await rig.ask({ path, headers: [['Cookie', cookie]] })).status).toBe(404);
  });

  it('of the sign-in page are all that is given to a stranger', async () => {
    rig = await DoorRig.start();
    expect((await rig.ask({ path: publicFile })).body).toBe('signIn();');
    const app = await rig.ask({ path: '/' });
    expect([app.status, app.headers['location']]).toEqual([303, '/sign-in']);
  });
});

describe('a WebSocket', () => {
  it('that is refused leaves no connection that would count, though the other side keeps its half open', async () => {
    rig = await DoorRig.start();
    const strangers: Socket[] = [];
    // More than the door takes at a time.
    for (let count = 0; count < 520; count += 1) {
      const stranger = connect({ port: rig.door.port, host: '127.0.0.1', allowHalfOpen: true });
      strangers.push(stranger);
      stranger.on('error', () => undefined);
      stranger.write(
        `GET /rpc HTTP/1.1\r\nHost: ${rig.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      );
      stranger.resume();
      await once(stranger, 'end');
    }
    expect((await rig.ask({ path: publicFile })).status).toBe(200);
    for (const stranger of strangers) stranger.destroy();
  });

  it('is nobody’s before the key of the page was said: a cookie that another port saw is not enough', async () => {
    rig = await DoorRig.start();
    const session = await rig.signIn();
    for (const first of [
      JSON.stringify({ type: 'hello', key: 'x'.repeat(43) }),
      JSON.stringify({ type: 'call', id: 1, method: 'host.describe', input: null }),
      'no JSON',
      Buffer.from(JSON.stringify({ type: 'hello', key: session.key })),
      JSON.stringify({ type: 'hello', key: session.key, padding: 'x'.repeat(2_000) }),
    ]) {
      const socket = await rig.socket(session);
      socket.send(first);
      expect(await closeCode(socket)).toBe(doorCloseCodes.signedOut);
    }
    expect(rig.pagesArrived).toBe(0);
  });

  it('would be served to whoever has the cookie without that key, so it is needed', async () => {
    rig = await DoorRig.start((service) => ({
      keeper: Object.assign(Object.create(service) as DoorService, { checkKey: () => true }),
    }));
    const socket = await rig.socket(await rig.signIn());
    sayHello(socket, 'x'.repeat(43));
    await rig.nextPage();
  });

  it('that sends too large a frame is closed', async () => {
    rig = await DoorRig.start();
    const { socket } = await openPage();
    socket.send(Buffer.alloc(maxFrameBytes + 1));
    expect(await closeCode(socket)).toBe(1009);
  });

  it('of a page that takes nothing is dropped at a bound, while another one gets everything', async () => {
    const limits = { ...socketLimits, maxBufferedBytes: 2 * 1024 * 1024 };
    rig = await DoorRig.start(() => ({ limits }));
    const slow = await openPage();
    const quick = await openPage();
    slow.socket.pause();
    const slowEnded = new Promise<void>((resolve) => slow.page.onClose(resolve));
    let received = 0;
    quick.socket.on('message', (data) => (received += (data as Buffer).byteLength));
    const piece = 'x'.repeat(64 * 1024);
    let sent = 0;
    let dropped = false;
    void slowEnded.then(() => (dropped = true));
    while (!dropped && sent < 1_000) {
      sent += 1;
      slow.page.send({ piece });
      quick.page.send({ piece });
      // As in the host: a turn between two pieces, in which sockets are written.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(dropped).toBe(true);
    await expect.poll(() => received).toBe(sent * JSON.stringify({ piece }).length);
    expect(quick.socket.readyState).toBe(quick.socket.OPEN);
  });

  it('whose other end is gone without a word is found and dropped', async () => {
    const limits = { ...socketLimits, pingIntervalMs: 20, deadAfterMs: 60 };
    rig = await DoorRig.start(() => ({ limits }));
    const dead = await openPage();
    const alive = await openPage();
    const ended = new Promise<void>((resolve) => dead.page.onClose(resolve));
    dead.socket.pause();
    await ended;
    expect(alive.socket.readyState).toBe(alive.socket.OPEN);
    expect(
      rig.service
        .state()
        .sessions.map(({ connectedPages }) => connectedPages)
        .sort(),
    ).toEqual([0, 1]);
  });

  it('ends at once when its session is revoked, and what comes behind is not heard', async () => {
    rig = await DoorRig.start();
    const { session, socket, page } = await openPage();
    const other = await openPage();
    const heard: unknown[] = [];
    page.onFrame((frame) => heard.push(frame));
    socket.send('{"say":"before"}');
    await expect.poll(() => heard.length).toBe(1);
    const code = closeCode(socket);
    // On its way while the session ends.
    socket.send('{"say":"after"}');
    await rig.service.revoke(session.sessionId);
    expect(await code).toBe(doorCloseCodes.signedOut);
    expect(heard).toEqual([{ say: 'before' }]);
    const again = await rig.upgrade({
      path: '/rpc',
      headers: [
        ['Origin', `http://${rig.host}`],
        ['Cookie', session.cookie],
      ],
    });
    expect(again).toBe(401);
    expect(other.socket.readyState).toBe(other.socket.OPEN);
  });
});

describe('the door', () => {
  it('says goodbye to its pages when it closes, and frees its port', async () => {
    rig = await DoorRig.start();
    const { socket } = await openPage();
    const { port } = rig.door;
    const code = closeCode(socket);
    await rig.service.close();
    expect(await code).toBe(1001);
    const next = await openBrowserDoor({
      keeper: rig.service,
      connect: () => undefined,
      filesFolder: join(rig.folder, 'page'),
      host: '127.0.0.1',
      port,
      tls: null,
      otherOrigins: [],
    });
    await next.close();
  });

  it('says which port is in use', async () => {
    rig = await DoorRig.start();
    const second = openBrowserDoor({
      keeper: rig.service,
      connect: () => undefined,
      filesFolder: join(rig.folder, 'page'),
      host: '127.0.0.1',
      port: rig.door.port,
      tls: null,
      otherOrigins: [],
    });
    await expect(second).rejects.toMatchObject({ data: { code: 'port_in_use' } });
  });

  it('keeps sessions over a restart as hashes, in a file for the owner alone', async () => {
    rig = await DoorRig.start();
    const { session, socket } = await openPage();
    socket.close();
    const file = join(rig.folder, 'browser-sessions.json');
    const text = await readFile(file, 'utf8');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const [, cookie = ''] = session.cookie.split('=');
    expect(text).not.toContain(cookie);
    expect(text).not.toContain(session.key);
    const later = await DoorService.load({
      store: createDoorSessionFile(rig.folder, silentLogger),
      opener: null,
      wish: null,
      clock: rig.clock,
      logger: silentLogger,
      newId: () => 'later',
    });
    const visitor = { address: '127.0.0.1', agent: '' };
    expect(later.findByCookie(cookie, visitor)).toBe(session.sessionId);
    expect(later.checkKey(session.sessionId, session.key, visitor)).toBe(true);
    await later.dispose();
  });
});
