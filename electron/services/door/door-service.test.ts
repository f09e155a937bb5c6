import { describe, expect, it } from 'vitest';
import { LmError, type DoorState } from '../../contract';
import { silentLogger } from '../foundation';
import { ManualClock } from '../foundation/manual-clock.fakes';
import { FakeSink } from '../foundation/stream-sink.fakes';
import { DoorService, linkLifeMs, sessionIdleMs, type DoorServiceDeps } from './door-service';
import type { StoredDoorSession } from './ports';

const visitor = { address: '10.0.0.5', agent: 'Firefox' };

class FakeStore {
  stored: readonly StoredDoorSession[] = [];
  writes = 0;
  failure: LmError | null = null;
  read = async () => this.stored;
  write = async (sessions: readonly StoredDoorSession[]) => {
    if (this.failure) throw this.failure;
    this.writes += 1;
    this.stored = sessions;
  };
}

async function start(changes: Partial<DoorServiceDeps> = {}) {
  const clock = new ManualClock();
  const store = new FakeStore();
  const opener = {
    opened: 0,
    closed: 0,
    failure: null as LmError | null,
    open: async () => {
      if (opener.failure) throw opener.failure;
      opener.opened += 1;
      return {
        origin: 'http://127.0.0.1:7410',
        tunnelCommand: 'ssh -N -L …',
        close: async () => {
          opener.closed += 1;
        },
      };
    },
  };
  const wishes: boolean[] = [];
  let ids = 0;
  const deps: DoorServiceDeps = {
    store,
    opener,
    wish: { save: async (open) => wishes.push(open) },
    clock,
    logger: silentLogger,
    newId: () => `session-${++ids}`,
    ...changes,
  };
  const door = await DoorService.load(deps);
  return { door, clock, store, opener, wishes, deps };
}

const tokenOf = (url: string) => new URL(url).hash.replace('#token=', '');

async function signIn(door: DoorService) {
  const secrets = await door.redeem(tokenOf(door.createLink().url), visitor);
  if (!secrets) throw new Error('The link was not accepted.');
  return secrets;
}

describe('the door', () => {
  it('is closed at first, and makes no links then', async () => {
    const { door } = await start();
    expect(door.state()).toMatchObject({ state: 'closed', origin: null, sessions: [] });
    expect(() => door.createLink()).toThrow(/not open/);
  });

  it('opens once however often it is asked, and keeps the wish', async () => {
    const { door, opener, wishes } = await start();
    await Promise.all([door.setOpen(true), door.setOpen(true)]);
    expect(opener.opened).toBe(1);
    expect(door.state()).toMatchObject({ state: 'open', origin: 'http://127.0.0.1:7410', switchable: true });
    await door.setOpen(false);
    expect([opener.closed, door.state().state, wishes.at(-1)]).toEqual([1, 'closed', false]);
  });

  it('says why it could not open, and opens when the cause is gone', async () => {
    const { door, opener } = await start();
    opener.failure = new LmError('port_in_use', 'Port 7410 is in use.');
    await expect(door.setOpen(true)).rejects.toThrow('in use');
    expect(door.state()).toMatchObject({ state: 'closed', error: { code: 'port_in_use' } });
    opener.failure = null;
    await door.setOpen(true);
    expect(door.state()).toMatchObject({ state: 'open', error: null });
  });

  it('of a host that is there for browsers only is not switched', async () => {
    const { door } = await start({ wish: null });
    await expect(door.setOpen(false)).rejects.toMatchObject({ data: { code: 'unsupported' } });
    expect(door.state().switchable).toBe(false);
  });
});

describe('a held door', () => {
  it('is open as long as whoever holds it is there, and keeps no wish', async () => {
    const { door, opener, wishes } = await start();
    const sink = new FakeSink<DoorState>();
    await door.hold(sink);
    expect(sink.chunks).toMatchObject([{ state: 'open', origin: 'http://127.0.0.1:7410' }]);
    const closed = new Promise<void>((resolve) => door.onChanged.on(() => resolve()));
    sink.close();
    await closed;
    expect([door.state().state, opener.closed, wishes]).toEqual(['closed', 1, []]);
  });

  it('tells whoever holds it when somebody else has closed it', async () => {
    const { door, opener } = await start();
    const sink = new FakeSink<DoorState>();
    await door.hold(sink);
    await door.close();
    expect(sink.ended).toBe(true);
    sink.close();
    await door.open();
    expect([door.state().state, opener.closed]).toEqual(['open', 1]);
  });

  it('does not stay open for one who went while it opened', async () => {
    const { door } = await start();
    const sink = new FakeSink<DoorState>();
    const states: string[] = [];
    const closed = new Promise<void>((resolve) => {
      door.onChanged.on(({ state }) => {
        states.push(state);
        if (state === 'closed') resolve();
      });
    });
    const holding = door.hold(sink);
    sink.close();
    await Promise.all([holding, closed]);
    expect([states, sink.chunks]).toEqual([['opening', 'open', 'closed'], []]);
  });

  it('is refused where the door is open already, and that stays open', async () => {
    const { door } = await start();
    await door.open();
    const sink = new FakeSink<DoorState>();
    await expect(door.hold(sink)).rejects.toThrow(/open already/);
    sink.close();
    expect(door.state().state).toBe('open');
  });
});

describe('a link', () => {
  it('carries its token in the fragment, signs in once, and gives what nobody else has', async () => {
    const { door } = await start();
    await door.open();
    const { url, expiresAtMs } = door.createLink();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:7410\/sign-in#token=[\w-]{43}$/);
    expect(expiresAtMs).toBe(1_000_000 + linkLifeMs);
    const secrets = await door.redeem(tokenOf(url), visitor);
    expect(secrets).not.toBeNull();
    expect(await door.redeem(tokenOf(url), visitor)).toBeNull();
    expect(door.findByCookie(secrets!.cookie, visitor)).toBe(secrets!.sessionId);
    expect(door.checkKey(secrets!.sessionId, secrets!.key, visitor)).toBe(true);
    expect(door.checkKey(secrets!.sessionId, secrets!.cookie, visitor)).toBe(false);
    expect(door.findByCookie(secrets!.key, visitor)).toBeNull();
  });

  it('is too old after its time', async () => {
    const { door, clock } = await start();
    await door.open();
    const token = tokenOf(door.createLink().url);
    clock.advance(linkLifeMs);
    expect(await door.redeem(token, visitor)).toBeNull();
  });

  it('is worth nothing once the door was closed', async () => {
    const { door } = await start();
    await door.open();
    const token = tokenOf(door.createLink().url);
    await door.close();
    await door.open();
    expect(await door.redeem(token, visitor)).toBeNull();
  });

  it('that could not be kept signs nobody in', async () => {
    const { door, store } = await start();
    await door.open();
    store.failure = new LmError('storage_failed', 'no space');
    await expect(signIn(door)).rejects.toThrow('no space');
    expect(door.state().sessions).toEqual([]);
  });

  it('is given up, the oldest first, where many wait', async () => {
    const { door } = await start();
    await door.open();
    const tokens = Array.from({ length: 21 }, () => tokenOf(door.createLink().url));
    expect(await door.redeem(tokens[0]!, visitor)).toBeNull();
    expect(await door.redeem(tokens[1]!, visitor)).not.toBeNull();
  });
});

describe('a session', () => {
  it('shows when and where it was seen, and how many of its pages are connected', async () => {
    const { door, clock } = await start();
    await door.open();
    const { sessionId, cookie } = await signIn(door);
    clock.advance(120_000);
    door.findByCookie(cookie, { address: '10.0.0.6', agent: 'Firefox' });
    door.noteConnected(sessionId, 'page-1');
    expect(door.sessionOf('page-1')).toBe(sessionId);
    expect(door.sessionOf('window-1')).toBeNull();
    expect(door.state().sessions).toEqual([
      {
        id: sessionId,
        createdAtMs: 1_000_000,
        lastSeenAtMs: 1_120_000,
        address: '10.0.0.6',
        agent: 'Firefox',
        connectedPages: 1,
      },
    ]);
    door.noteDisconnected(sessionId, 'page-1');
    expect(door.state().sessions[0]?.connectedPages).toBe(0);
  });

  it('ends when it is revoked: told at once, gone from disk, and never found again', async () => {
    const { door, store } = await start();
    await door.open();
    const { sessionId, cookie } = await signIn(door);
    const revoked: string[] = [];
    door.onRevoked.on((id) => revoked.push(id));
    const revoking = door.revoke(sessionId);
    expect(revoked).toEqual([sessionId]);
    await revoking;
    expect(store.stored).toEqual([]);
    expect(door.findByCookie(cookie, visitor)).toBeNull();
    await expect(door.revoke(sessionId)).rejects.toMatchObject({ data: { code: 'not_found' } });
  });

  it('is forgotten when it was not seen for a month, unless it is connected', async () => {
    const { door, clock, deps } = await start();
    await door.open();
    const away = await signIn(door);
    const here = await signIn(door);
    door.noteConnected(here.sessionId, 'page-1');
    clock.advance(sessionIdleMs + 1);
    expect(door.findByCookie(away.cookie, visitor)).toBeNull();
    expect(door.findByCookie(here.cookie, visitor)).toBe(here.sessionId);
    await door.dispose();
    const later = await DoorService.load(deps);
    expect(later.state().sessions.map(({ id }) => id)).toEqual([here.sessionId]);
  });

  it('makes room for one more, the one not seen for longest first', async () => {
    const { door, clock } = await start();
    await door.open();
    const all = [];
    for (let count = 0; count < 51; count += 1) {
      all.push(await signIn(door));
      clock.advance(1_000);
    }
    expect(door.state().sessions).toHaveLength(50);
    expect(door.findByCookie(all[0]!.cookie, visitor)).toBeNull();
    expect(door.findByCookie(all[50]!.cookie, visitor)).not.toBeNull();
  });

  it('is not written to disk for every request', async () => {
    const { door, clock, store } = await start();
    await door.open();
    const { cookie } = await signIn(door);
    const before = store.writes;
    for (let count = 0; count < 100; count += 1) {
      clock.advance(1_000);
      door.findByCookie(cookie, visitor);
    }
    await door.close();
    expect(store.writes - before).toBe(1);
  });
});

describe('an address', () => {
  it('is locked out for a minute after ten wrong tokens within one, and others are not', async () => {
    const { door, clock } = await start();
    await door.open();
    for (let attempt = 0; attempt < 9; attempt += 1) await door.redeem('wrong', visitor);
    expect(door.lockedForMs(visitor.address)).toBe(0);
    await door.redeem('wrong', visitor);
    expect(door.lockedForMs(visitor.address)).toBe(60_000);
    expect(door.lockedForMs('10.0.0.9')).toBe(0);
    clock.advance(59_999);
    expect(door.lockedForMs(visitor.address)).toBe(1);
    clock.advance(1);
    expect(door.lockedForMs(visitor.address)).toBe(0);
  });

  it('that errs now and then is not locked out', async () => {
    const { door, clock } = await start();
    await door.open();
    for (let attempt = 0; attempt < 30; attempt += 1) {
      await door.redeem('wrong', visitor);
      clock.advance(10_000);
    }
    expect(door.lockedForMs(visitor.address)).toBe(0);
  });
});
