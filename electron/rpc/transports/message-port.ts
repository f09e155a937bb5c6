import type { Transport } from '../transport';
import { Inbox } from './inbox';

/** The parts that a DOM MessagePort, a Node MessagePort and Electron's MessagePortMain have in common. */
export interface PortLike {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  onClose(listener: () => void): void;
  close(): void;
}

interface DomPort {
  postMessage(message: unknown): void;
  addEventListener(type: string, listener: (event: { data?: unknown }) => void): void;
  start(): void;
  close(): void;
}

/** A DOM MessagePort. Older Chromium has no `close` event there; main then says that the host is gone. */
export function domPort(port: DomPort): PortLike {
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => {
      port.addEventListener('message', (event) => listener(event.data));
      port.start();
    },
    onClose: (listener) => port.addEventListener('close', () => listener()),
    close: () => port.close(),
  };
}

interface EmitterPort<Message> {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: Message) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  start(): void;
  close(): void;
}

/** Electron's MessagePortMain, whose listener gets `{data}`. */
export function electronPort(port: EmitterPort<{ data: unknown }>): PortLike {
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => {
      port.on('message', (event) => listener(event.data));
      port.start();
    },
    onClose: (listener) => port.on('close', listener),
    close: () => port.close(),
  };
}

/** A port of node:worker_threads, whose listener gets the message itself. */
export function nodePort(port: EmitterPort<unknown>): PortLike {
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => {
      port.on('message', (message) => listener(message));
      port.start();
    },
    onClose: (listener) => port.on('close', listener),
    close: () => port.close(),
  };
}

const goodbye = 'lm-sandbox:close';

/**
 * Frames over a MessagePort by structured clone; bytes are copied, not transferred (Electron's MessagePortMain
 * silently drops a message that transfers an ArrayBuffer: https://github.com/anomalyco/opencode/issues/49701).
 */
export function messagePortTransport(port: PortLike): Transport {
  const inbox = new Inbox();
  port.onClose(() => inbox.end());
  port.onMessage((message) => {
    if (message === goodbye) {
      port.close();
      inbox.end();
    } else inbox.deliver(message);
  });

  return {
    send: (frame) => {
      if (!inbox.closed) port.post(withTightBytes(frame));
    },
    onFrame: (listener) => inbox.onFrame(listener),
    onClose: (listener) => inbox.onClose(listener),
    close: () => {
      if (inbox.closed) return;
      port.post(goodbye);
      port.close();
      inbox.end();
    },
  };
}

/** Structured clone copies the whole buffer under a view; a view on a pool is copied out first. */
function withTightBytes(value: unknown, depth = 0): unknown {
  if (value instanceof Uint8Array) {
    return value.byteLength === value.buffer.byteLength && value.constructor === Uint8Array
      ? value
      : new Uint8Array(value);
  }
  if (depth >= 3 || value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  let copy: Record<string, unknown> | null = null;
  for (const [key, item] of Object.entries(value)) {
    const tight = withTightBytes(item, depth + 1);
    if (tight !== item) copy = { ...(copy ?? (value as Record<string, unknown>)), [key]: tight };
  }
  return copy ?? value;
}
