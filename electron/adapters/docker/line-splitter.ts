const newline = 0x0a;
const carriageReturn = 0x0d;

/** Longest part of a line that is kept; a longer one is cut and says so. */
export const maxLineBytes = 16 * 1024;

/**
 * Bytes to lines of text. Characters are decoded only when their line is whole, so a chunk that ends inside one
 * does no harm; a line longer than `limitBytes` keeps its beginning and ends with a mark that counts the rest.
 * Bytes that are no UTF-8 become U+FFFD. Memory is bounded by the limit.
 */
export class LineSplitter {
  private kept: Uint8Array[] = [];
  private keptBytes = 0;
  private cutBytes = 0;

  constructor(private readonly limitBytes: number = maxLineBytes) {}

  /** The lines that `chunk` completes, without their line ends. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(newline, start);
      if (end < 0) break;
      this.keep(chunk.subarray(start, end));
      lines.push(this.take());
      start = end + 1;
    }
    this.keep(chunk.subarray(start));
    return lines;
  }

  /** The line begun and not ended, or null; afterwards the splitter is empty. */
  flush(): string | null {
    return this.keptBytes === 0 && this.cutBytes === 0 ? null : this.take();
  }

  private keep(bytes: Uint8Array): void {
    const room = Math.min(bytes.length, this.limitBytes - this.keptBytes);
    if (room > 0) {
      // Copied: the caller's buffer may be a small part of a large chunk that must not be kept alive.
      this.kept.push(bytes.slice(0, room));
      this.keptBytes += room;
    }
    this.cutBytes += bytes.length - room;
  }

  private take(): string {
    let bytes = concatenate(this.kept, this.keptBytes);
    const cutBytes = this.cutBytes;
    this.kept = [];
    this.keptBytes = 0;
    this.cutBytes = 0;
    if (cutBytes > 0) return `${decode(withoutHalfCharacter(bytes))} … [line cut: ${cutBytes} more bytes]`;
    if (bytes.at(-1) === carriageReturn) bytes = bytes.subarray(0, -1);
    return decode(bytes);
  }
}

function concatenate(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The cut may fall inside a character: its first bytes are left out rather than shown as damage. */
function withoutHalfCharacter(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}
