import type { Transport } from '../transport';

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
 * silently drops a message that transfers an ArrayBuffer: https://github.com/electron/electron/issues/34905).
 */
export function messagePortTransport(port: PortLike): Transport {
  let listener: ((frame: unknown) => void) | null = null;
  const early: unknown[] = [];
  const closeListeners: (() => void)[] = [];
  let closed = false;

  const ended = () => {
    if (closed) return;
    closed = true;
    for (const closeListener of closeListeners.splice(0)) closeListener();
  };
  port.onClose(ended);
  port.onMessage((message) => {
    if (message === goodbye) {
      port.close();
      ended();
    } else if (listener) listener(message);
    else early.push(message);
  });

  return {
    send: (frame) => {
      if (!closed) port.post(withTightBytes(frame));
    },
    onFrame: (newListener) => {
      listener = newListener;
      for (const frame of early.splice(0)) newListener(frame);
    },
    onClose: (closeListener) => {
      if (closed) closeListener();
      else closeListeners.push(closeListener);
    },
    close: () => {
      if (closed) return;
      port.post(goodbye);
      port.close();
      ended();
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
