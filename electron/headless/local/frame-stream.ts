import type { Duplex } from 'node:stream';
import { maxFrameBytes } from '../../contract/limits';
import { decodeFrame, encodeFrame } from '../../rpc/frame-codec';
import type { Transport } from '../../rpc/transport';
import { Inbox } from '../../rpc/transports/inbox';

/** What a program asks for in `Upgrade` at the local socket to get frames without WebSocket's masks and pings. */
export const frameProtocol = 'lm-sandbox-frames';

/** Kind (0 text, 1 bytes), then the length of what follows as uint32, big endian. */
const headBytes = 5;
/** Bytes that wait for a program that takes nothing; one more ends its connection. Windows keep it below. */
const maxWaitingBytes = 32 * 1024 * 1024;

/** Frames over a socket of this computer, for programs of the same user. */
export function frameStreamTransport(socket: Duplex, received: Uint8Array = new Uint8Array()): Transport {
  const inbox = new Inbox();
  let rest = Buffer.from(received);
  const take = (bytes: Uint8Array) => {
    rest = rest.byteLength === 0 ? Buffer.from(bytes) : Buffer.concat([rest, bytes]);
    let offset = 0;
    while (!inbox.closed && rest.byteLength - offset >= headBytes) {
      const length = rest.readUInt32BE(offset + 1);
      if (length > maxFrameBytes) throw new Error('The frame is too large.');
      const end = offset + headBytes + length;
      if (rest.byteLength < end) break;
      const body = rest.subarray(offset + headBytes, end);
      inbox.deliver(decodeFrame(rest[offset] === 0 ? new TextDecoder().decode(body) : body));
      offset = end;
    }
    rest = rest.subarray(offset);
  };
  const receive = (bytes: Uint8Array) => {
    try {
      take(bytes);
    } catch {
      // A peer that sends what we cannot read is not one of ours.
      socket.destroy();
      inbox.end();
    }
  };
  socket.on('data', receive);
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.destroy());
  socket.on('close', () => inbox.end());
  if (rest.byteLength > 0) receive(new Uint8Array());
  return {
    send: (frame) => {
      if (inbox.closed || socket.destroyed) return;
      socket.write(packFrame(frame));
      if (socket.writableLength > maxWaitingBytes) socket.destroy();
    },
    onFrame: (listener) => inbox.onFrame(listener),
    onClose: (listener) => inbox.onClose(listener),
    close: () => {
      socket.end();
      inbox.end();
    },
  };
}

export function packFrame(frame: unknown): Uint8Array {
  const encoded = encodeFrame(frame);
  const isText = typeof encoded === 'string';
  const length = isText ? Buffer.byteLength(encoded) : encoded.byteLength;
  const message = Buffer.allocUnsafe(headBytes + length);
  message[0] = isText ? 0 : 1;
  message.writeUInt32BE(length, 1);
  if (isText) message.write(encoded, headBytes);
  else message.set(encoded, headBytes);
  return message;
}
