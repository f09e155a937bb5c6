import {
  LmError,
  doorPaths,
  doorTokenParameter,
  toLmError,
  type DoorLink,
  type DoorState,
  type ErrorData,
  type StreamSink,
} from '../../contract';
import { Emitter, type Clock, type Disposable, type Logger } from '../foundation';
import { Attempts, type AttemptLimits } from './attempts';
import type { DoorOpener, DoorSessionStore, OpenDoor, StoredDoorSession } from './ports';
import { findBySecret, hashSecret, newSecret } from './secrets';

/** How long a one-time link signs in. */
export const linkLifeMs = 10 * 60_000;
/** Links that wait to be used; the oldest is given up for one more. */
const maxLinks = 20;
/** A browser that was not seen for so long has to sign in again. */
export const sessionIdleMs = 30 * 24 * 60 * 60_000;
/** Browsers that are signed in; the one not seen for longest is signed out for one more. */
const maxSessions = 50;
/** `lastSeenAtMs` is written this often at most, so that no file is written for each request. */
const seenIntervalMs = 60_000;
const maxAgentLength = 256;

export const tokenLimits: AttemptLimits = { failures: 10, windowMs: 60_000, lockOutMs: 60_000 };
/** More than of tokens: each tab of a browser that was signed out comes with its old cookie once more. */
export const cookieLimits: AttemptLimits = { failures: 100, windowMs: 60_000, lockOutMs: 60_000 };

/** Who asks, as far as the network and the browser tell. */
export interface DoorVisitor {
  readonly address: string;
  readonly agent: string;
}

/** What a browser keeps of its session. Nobody else ever gets to see these. */
export interface SessionSecrets {
  readonly sessionId: string;
  readonly cookie: string;
  readonly key: string;
}

export interface DoorServiceDeps {
  readonly store: DoorSessionStore;
  /** Null where nothing can open a door. */
  readonly opener: DoorOpener | null;
  /** Whether `setOpen` works; keeps the wish for later starts. Null for a host that is there for the door only. */
  readonly wish: { save(open: boolean): Promise<unknown> } | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
}

interface Link {
  readonly tokenHash: string;
  readonly expiresAtMs: number;
}

interface Session extends StoredDoorSession {
  connections: Set<string>;
}

/**
 * Who may come in through the browser door: one-time links, sessions, and how often somebody may guess. It holds
 * hashes only; what crosses the network is the business of the server behind `DoorOpener`.
 */
export class DoorService implements Disposable {
  readonly onChanged: Emitter<DoorState>;
  /** A session has ended; its connections are to be closed at once. */
  readonly onRevoked: Emitter<string>;
  private links: Link[] = [];
  private readonly sessions = new Map<string, Session>();
  private readonly tokenAttempts: Attempts;
  private readonly cookieAttempts: Attempts;
  private revision = 1;
  private opened: OpenDoor | null = null;
  private phase: DoorState['state'] = 'closed';
  private error: ErrorData | null = null;
  private lastWriteMs = 0;
  private writing: Promise<void> = Promise.resolve();
  private switching: Promise<unknown> = Promise.resolve();
  private disposed = false;

  private constructor(
    private readonly deps: DoorServiceDeps,
    stored: readonly StoredDoorSession[],
  ) {
    const onListenerError = (error: unknown) => deps.logger.error('A listener failed', { error });
    this.onChanged = new Emitter(onListenerError);
    this.onRevoked = new Emitter(onListenerError);
    this.tokenAttempts = new Attempts(deps.clock, tokenLimits);
    this.cookieAttempts = new Attempts(deps.clock, cookieLimits);
    for (const session of stored) this.sessions.set(session.id, { ...session, connections: new Set() });
    this.forgetIdle();
  }

  static async load(deps: DoorServiceDeps): Promise<DoorService> {
    return new DoorService(deps, await deps.store.read());
  }

  state(): DoorState {
    return {
      revision: this.revision,
      state: this.phase,
      origin: this.opened?.origin ?? null,
      tunnelCommand: this.opened?.tunnelCommand ?? null,
      switchable: this.deps.wish !== null,
      error: this.error,
      sessions: [...this.sessions.values()]
        .sort((left, right) => right.lastSeenAtMs - left.lastSeenAtMs)
        .map(({ id, createdAtMs, lastSeenAtMs, address, agent, connections }) => ({
          id,
          createdAtMs,
          lastSeenAtMs,
          address,
          agent,
          connectedPages: connections.size,
        })),
    };
  }

  /** Opens the door unless it is open. Rejects with why it could not. */
  open(): Promise<void> {
    return this.switchTo(async () => {
      const { opener } = this.deps;
      if (!opener) throw new LmError('unsupported', 'This host has no door for browsers.');
      if (this.opened || this.disposed) return;
      this.change({ phase: 'opening', error: null });
      try {
        this.opened = await opener.open();
        this.change({ phase: 'open', error: null });
      } catch (error) {
        this.change({ phase: 'closed', error: toLmError(error).data });
        throw error;
      }
    });
  }

  /** Closes the door; browsers are disconnected and stay signed in for when it opens again. */
  close(): Promise<void> {
    return this.switchTo(async () => {
      const { opened } = this;
      if (!opened) return;
      this.opened = null;
      this.links = [];
      await opened.close();
      this.change({ phase: 'closed', error: null });
    });
  }

  async setOpen(open: boolean): Promise<DoorState> {
    if (!this.deps.wish) {
      throw new LmError('unsupported', 'This host runs for browsers only; its door is always open.', {
        repair: { text: 'End the host to close it.' },
      });
    }
    if (open) await this.open();
    else await this.close();
    await this.deps.wish.save(open);
    return this.state();
  }

  /** Opens the door for as long as `sink` is open; ends that when somebody else has closed the door. */
  async hold(sink: StreamSink<DoorState>): Promise<void> {
    if (this.phase !== 'closed') throw new LmError('conflict', 'The browser door is open already.');
    await this.open();
    if (!this.opened) throw new LmError('cancelled', 'The host is shutting down.');
    const letGo = () => {
      stopFollowing();
      void this.close().catch((error: unknown) =>
        this.deps.logger.warn('The browser door did not close', { error }),
      );
    };
    const stopFollowing = this.onChanged.on(({ state }) => {
      if (state !== 'closed') return;
      stopFollowing();
      sink.signal.removeEventListener('abort', letGo);
      sink.end();
    });
    // Who has gone meanwhile is told nothing.
    if (sink.signal.aborted) {
      letGo();
      return;
    }
    sink.signal.addEventListener('abort', letGo);
    sink.send(this.state());
  }

  createLink(): DoorLink {
    if (!this.opened) {
      throw new LmError('conflict', 'The browser door is not open.', {
        repair: { text: 'Open it in the settings, under Browser access.' },
      });
    }
    const token = newSecret();
    const expiresAtMs = this.deps.clock.nowMs() + linkLifeMs;
    this.links = [...this.links.slice(1 - maxLinks), { tokenHash: hashSecret(token), expiresAtMs }];
    const url = `${this.opened.origin}${doorPaths.signIn}#${doorTokenParameter}=${token}`;
    return { url, expiresAtMs };
  }

  /**
   * For how long wrong tokens and cookies of this address are turned away as too many; zero when they are not. Right ones
   * are taken at any time: else any program of this computer could keep out everybody who comes by its loopback, and
   * what has 256 bits is not guessed.
   */
  lockedForMs(address: string): number {
    return Math.max(this.tokenAttempts.lockedForMs(address), this.cookieAttempts.lockedForMs(address));
  }

  /**
   * Exchanges a one-time token for a session; null when it is wrong, used or too old, which counts against the
   * address. Rejects with `storage_failed` when the session could not be kept; the token is used up then too.
   */
  async redeem(token: string, visitor: DoorVisitor): Promise<SessionSecrets | null> {
    const { clock, newId } = this.deps;
    const nowMs = clock.nowMs();
    const link = findBySecret(this.links, ({ tokenHash }) => tokenHash, token);
    if (!link || link.expiresAtMs <= nowMs) {
      // Who goes on while locked out is not let wait longer for it: others may be at the same address.
      if (this.tokenAttempts.lockedForMs(visitor.address) === 0) this.tokenAttempts.fail(visitor.address);
      return null;
    }
    this.links = this.links.filter((other) => other !== link);
    const secrets = { sessionId: newId(), cookie: newSecret(), key: newSecret() };
    this.forgetIdle();
    const oldest = [...this.sessions.values()].sort((left, right) => left.lastSeenAtMs - right.lastSeenAtMs);
    for (const surplus of oldest.slice(0, Math.max(0, this.sessions.size - maxSessions + 1))) {
      this.remove(surplus.id);
    }
    this.sessions.set(secrets.sessionId, {
      id: secrets.sessionId,
      cookieHash: hashSecret(secrets.cookie),
      keyHash: hashSecret(secrets.key),
      createdAtMs: nowMs,
      lastSeenAtMs: nowMs,
      address: visitor.address,
      agent: visitor.agent.slice(0, maxAgentLength),
      connections: new Set(),
    });
    try {
      await this.save();
    } catch (error) {
      this.remove(secrets.sessionId);
      throw error;
    }
    this.changed();
    return secrets;
  }

  /** The session of a cookie; null when there is none, which counts against the address. */
  findByCookie(cookie: string, visitor: DoorVisitor): string | null {
    const session = findBySecret(this.sessions.values(), ({ cookieHash }) => cookieHash, cookie);
    if (!session || this.isIdle(session)) {
      this.cookieAttempts.fail(visitor.address);
      return null;
    }
    this.noteSeen(session, visitor);
    return session.id;
  }

  /** Whether `key` belongs to the session; a wrong one counts against the address. */
  checkKey(sessionId: string, key: string, visitor: DoorVisitor): boolean {
    const session = this.sessions.get(sessionId);
    const fits = session !== undefined && findBySecret([session], ({ keyHash }) => keyHash, key) !== null;
    if (!fits) this.tokenAttempts.fail(visitor.address);
    return fits;
  }

  noteConnected(sessionId: string, connectionId: string): void {
    this.sessions.get(sessionId)?.connections.add(connectionId);
    this.changed();
  }

  noteDisconnected(sessionId: string, connectionId: string): void {
    if (this.sessions.get(sessionId)?.connections.delete(connectionId)) this.changed();
  }

  /** The session by which a connection came; null when it came by another way. */
  sessionOf(connectionId: string): string | null {
    for (const session of this.sessions.values())
      if (session.connections.has(connectionId)) return session.id;
    return null;
  }

  /** Ends a session, first in memory and for its connections, then on disk. */
  async revoke(sessionId: string): Promise<void> {
    if (!this.remove(sessionId)) throw new LmError('not_found', 'This browser is not signed in any more.');
    this.changed();
    await this.save();
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.close();
    await this.save().catch((error: unknown) =>
      this.deps.logger.warn('The sessions of browsers could not be saved', { error }),
    );
    this.onChanged.clear();
    this.onRevoked.clear();
  }

  private noteSeen(session: Session, visitor: DoorVisitor): void {
    const nowMs = this.deps.clock.nowMs();
    const moved = visitor.address !== session.address;
    if (!moved && nowMs - session.lastSeenAtMs < seenIntervalMs) return;
    this.sessions.set(session.id, { ...session, lastSeenAtMs: nowMs, address: visitor.address });
    this.changed();
    if (nowMs - this.lastWriteMs < seenIntervalMs) return;
    this.save().catch((error: unknown) =>
      this.deps.logger.warn('The sessions of browsers could not be saved', { error }),
    );
  }

  private isIdle(session: Session): boolean {
    return session.connections.size === 0 && this.deps.clock.nowMs() - session.lastSeenAtMs > sessionIdleMs;
  }

  private forgetIdle(): void {
    for (const session of this.sessions.values()) if (this.isIdle(session)) this.sessions.delete(session.id);
  }

  private remove(sessionId: string): boolean {
    if (!this.sessions.delete(sessionId)) return false;
    this.onRevoked.emit(sessionId);
    return true;
  }

  private save(): Promise<void> {
    this.lastWriteMs = this.deps.clock.nowMs();
    const write = this.writing.then(() =>
      this.deps.store.write(
        [...this.sessions.values()].map(
          ({ id, cookieHash, keyHash, createdAtMs, lastSeenAtMs, address, agent }) => ({
            id,
            cookieHash,
            keyHash,
            createdAtMs,
            lastSeenAtMs,
            address,
            agent,
          }),
        ),
      ),
    );
    this.writing = write.catch(() => undefined);
    return write;
  }

  /** One opening or closing at a time, in the order they were asked for. */
  private switchTo(work: () => Promise<void>): Promise<void> {
    const done = this.switching.then(work);
    this.switching = done.catch(() => undefined);
    return done;
  }

  private change({ phase, error }: { phase: DoorState['state']; error: ErrorData | null }): void {
    this.phase = phase;
    this.error = error;
    this.changed();
  }

  private changed(): void {
    this.revision += 1;
    this.onChanged.emit(this.state());
  }
}
