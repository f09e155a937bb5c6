/** Who asks, as far as the network and the browser tell. */
export interface Visitor {
  readonly address: string;
  readonly agent: string;
}

/** What the server asks of whoever knows links and sessions; `DoorService` is one. */
export interface DoorKeeper {
  /** For how long wrong tokens and cookies of this address are answered with no more than that. */
  lockedForMs(address: string): number;
  /** Exchanges a one-time token; null when it is worth nothing. */
  redeem(
    token: string,
    visitor: Visitor,
  ): Promise<{ readonly sessionId: string; readonly cookie: string; readonly key: string } | null>;
  findByCookie(cookie: string, visitor: Visitor): string | null;
  checkKey(sessionId: string, key: string, visitor: Visitor): boolean;
  noteConnected(sessionId: string, connectionId: string): void;
  noteDisconnected(sessionId: string, connectionId: string): void;
  revoke(sessionId: string): Promise<void>;
  readonly onRevoked: { on(listener: (sessionId: string) => void): () => void };
}
