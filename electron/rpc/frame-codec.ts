// Not the contract's index, which would bring every schema into programs that start for one command.
import { maxFrameBytes } from '../contract/limits';

const headerLengthBytes = 4;

interface Attachment {
  readonly path: readonly string[];
  readonly length: number;
}

/**
 * Frames on the wire: JSON text for control; for frames with bytes one binary message: the length of a JSON
 * header (uint32, big endian), the header with the place of each attachment, then the bytes themselves.
 */
export function encodeFrame(frame: unknown): string | Uint8Array<ArrayBuffer> {
  const attachments: Attachment[] = [];
  const parts: Uint8Array[] = [];
  const bare = takeBytes(frame, [], attachments, parts);
  if (parts.length === 0) return JSON.stringify(frame);
  const header = new TextEncoder().encode(JSON.stringify({ frame: bare, attachments }));
  const total = parts.reduce((sum, part) => sum + part.byteLength, headerLengthBytes + header.byteLength);
  const message = new Uint8Array(total);
  new DataView(message.buffer).setUint32(0, header.byteLength);
  message.set(header, headerLengthBytes);
  let offset = headerLengthBytes + header.byteLength;
  for (const part of parts) {
    message.set(part, offset);
    offset += part.byteLength;
  }
  return message;
}

/** The frame of one message; throws on anything that `encodeFrame` cannot have made. */
export function decodeFrame(message: unknown): unknown {
  if (typeof message === 'string') {
    if (message.length > maxFrameBytes) throw new Error('The frame is too large.');
    return JSON.parse(message);
  }
  const bytes = message instanceof ArrayBuffer ? new Uint8Array(message) : message;
  if (!(bytes instanceof Uint8Array)) throw new Error('The frame is neither text nor bytes.');
  if (bytes.byteLength > maxFrameBytes) throw new Error('The frame is too large.');
  if (bytes.byteLength < headerLengthBytes) throw new Error('The frame has no header.');
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const headerEnd = headerLengthBytes + headerLength;
  if (headerEnd > bytes.byteLength) throw new Error('The header is longer than the frame.');
  const header: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(headerLengthBytes, headerEnd)));
  if (!isHeader(header)) throw new Error('The header is malformed.');
  let offset = headerEnd;
  for (const { path, length } of header.attachments) {
    if (offset + length > bytes.byteLength) throw new Error('An attachment is longer than the frame.');
    place(header.frame, path, bytes.slice(offset, offset + length));
    offset += length;
  }
  return header.frame;
}

function takeBytes(value: unknown, path: string[], attachments: Attachment[], parts: Uint8Array[]): unknown {
  if (value instanceof Uint8Array) {
    attachments.push({ path, length: value.byteLength });
    parts.push(value);
    return null;
  }
  if (path.length >= 4 || value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value))
    copy[key] = takeBytes(item, [...path, key], attachments, parts);
  return copy;
}

function isHeader(value: unknown): value is { frame: unknown; attachments: Attachment[] } {
  if (typeof value !== 'object' || value === null || !('frame' in value) || !('attachments' in value))
    return false;
  return (
    Array.isArray(value.attachments) &&
    value.attachments.every(
      (item: unknown) =>
        typeof item === 'object' &&
        item !== null &&
        'path' in item &&
        Array.isArray(item.path) &&
        item.path.every((key: unknown) => typeof key === 'string') &&
        'length' in item &&
        typeof item.length === 'number' &&
        Number.isInteger(item.length) &&
        item.length >= 0,
    )
  );
}

function place(frame: unknown, path: readonly string[], bytes: Uint8Array): void {
  let target = frame;
  for (const [index, key] of path.entries()) {
    // Own properties only: a path through a prototype would write where no frame reaches.
    if (typeof target !== 'object' || target === null || !Object.hasOwn(target, key)) {
      throw new Error('An attachment has no place in its frame.');
    }
    const holder = target as Record<string, unknown>;
    if (index === path.length - 1) holder[key] = bytes;
    else target = holder[key];
  }
}
