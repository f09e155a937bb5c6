/** What is kept of a browser that signed in. The secrets themselves are known to the browser only. */
export interface StoredDoorSession {
  readonly id: string;
  /** SHA-256 in hex of the cookie's value. */
  readonly cookieHash: string;
  /** SHA-256 in hex of the key that the page keeps for its origin. */
  readonly keyHash: string;
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number;
  readonly address: string;
  readonly agent: string;
}

export interface DoorSessionStore {
  /** What was kept; empty when there is nothing or it cannot be read: browsers then sign in again. */
  read(): Promise<readonly StoredDoorSession[]>;
  /** Replaces all of it. Rejects with `storage_failed`. */
  write(sessions: readonly StoredDoorSession[]): Promise<void>;
}

/** The server behind the door, as far as the service opens and closes it. */
export interface DoorOpener {
  /** Rejects with `port_in_use`, or another LmError that says what to do. */
  open(): Promise<OpenDoor>;
}

export interface OpenDoor {
  /** Where browsers reach it, such as `http://127.0.0.1:7410`. */
  readonly origin: string;
  /** Null where other computers reach it by themselves. */
  readonly tunnelCommand: string | null;
  close(): Promise<void>;
}
