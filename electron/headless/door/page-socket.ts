import type { WebSocket } from 'ws';
import { doorCloseCodes } from '../../contract';
import type { Transport } from '../../rpc/transport';
import { webSocketTransport } from '../../rpc/transports/web-socket';

export interface SocketLimits {
  /**
   * Bytes that wait for a page; one more ends the connection. The windows of its streams keep it below: as many
   * terminals as there may be have half of this waiting when all of them flood.
   */
  readonly maxBufferedBytes: number;
  readonly pingIntervalMs: number;
  /** A connection that took and sent nothing for so long is dead. */
  readonly deadAfterMs: number;
}

export const socketLimits: SocketLimits = {
  maxBufferedBytes: 32 * 1024 * 1024,
  pingIntervalMs: 15_000,
  deadAfterMs: 40_000,
};

/** What is left of a connection that does not answer a close is cut off after this. */
const closeLimitMs = 1_000;

/**
 * One page's WebSocket as a transport. A page that stands still costs a bounded number of bytes and then its
 * connection; when it comes back it begins with snapshots.
 */
export class PageSocket implements Transport {
  private readonly inner: Transport;
  private cut = false;
  private lastLifeMs = Date.now();
  private lastBufferedBytes = 0;
  private readonly pinging: NodeJS.Timeout;

  constructor(
    private readonly socket: WebSocket,
    private readonly limits: SocketLimits,
  ) {
    this.inner = webSocketTransport(socket);
    const alive = () => (this.lastLifeMs = Date.now());
    socket.on('message', alive);
    socket.on('pong', alive);
    this.pinging = setInterval(() => this.checkLife(), limits.pingIntervalMs);
    this.pinging.unref();
    socket.once('close', () => clearInterval(this.pinging));
  }

  send(frame: unknown): void {
    this.inner.send(frame);
    if (this.socket.bufferedAmount > this.limits.maxBufferedBytes) this.socket.terminate();
  }

  onFrame(listener: (frame: unknown) => void): void {
    // What a page sent before it was cut off may still arrive, and must not be done any more.
    this.inner.onFrame((frame) => {
      if (!this.cut) listener(frame);
    });
  }

  onClose(listener: () => void): void {
    this.inner.onClose(listener);
  }

  close(): void {
    this.inner.close();
  }

  /** The browser was signed out: nothing it says from now on is heard. */
  signOut(): void {
    this.cut = true;
    this.end(doorCloseCodes.signedOut);
  }

  /** Says why, and does not wait long for an answer. */
  end(code: number): void {
    this.socket.close(code);
    this.inner.close();
    setTimeout(() => this.socket.terminate(), closeLimitMs).unref();
  }

  private checkLife(): void {
    const { bufferedAmount } = this.socket;
    // A page behind a slow line is alive while it takes something, though pongs wait behind the rest.
    if (bufferedAmount < this.lastBufferedBytes) this.lastLifeMs = Date.now();
    this.lastBufferedBytes = bufferedAmount;
    if (Date.now() - this.lastLifeMs > this.limits.deadAfterMs) this.socket.terminate();
    else this.socket.ping();
  }
}
