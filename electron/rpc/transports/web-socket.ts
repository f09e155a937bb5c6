import { decodeFrame, encodeFrame } from '../frame-codec';
import type { Transport } from '../transport';
import { Inbox } from './inbox';

/** What the browser's WebSocket and the `ws` package have in common. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'close' | 'error', listener: () => void): void;
}

const openState = 1;
const policyViolation = 1008;

export function webSocketTransport(socket: WebSocketLike): Transport {
  socket.binaryType = 'arraybuffer';
  const inbox = new Inbox();
  socket.addEventListener('close', () => inbox.end());
  socket.addEventListener('error', () => inbox.end());
  socket.addEventListener('message', (event) => {
    let frame: unknown;
    try {
      frame = decodeFrame(event.data);
    } catch {
      // A peer that sends what we cannot read is not one of ours.
      socket.close(policyViolation);
      inbox.end();
      return;
    }
    inbox.deliver(frame);
  });

  return {
    send: (frame) => {
      if (!inbox.closed && socket.readyState === openState) socket.send(encodeFrame(frame));
    },
    onFrame: (listener) => inbox.onFrame(listener),
    onClose: (listener) => inbox.onClose(listener),
    close: () => {
      socket.close();
      inbox.end();
    },
  };
}
