/** Parsed in one go while more waits: xterm.js by itself would stop for a frame every 12 ms, and draw it. */
const batchMs = 32;
const minBatchBytes = 64 * 1024;
const maxBatchBytes = 512 * 1024;
/** Parsing less than this tells nothing of the speed; it is written as it comes, as the echo of a key is. */
const measuredBytes = 32 * 1024;
/** Of plain text without a graphics card, until it was measured. */
const usualBytesPerMs = 8 * 1024;

interface Waiting {
  readonly bytes: Uint8Array;
  readonly consumed: () => void;
}

/** The part of xterm.js that is written to. */
export interface BatchTarget {
  write(data: string | Uint8Array, callback?: () => void): void;
}

/**
 * Output on its way into xterm.js, which parses a piece without a pause however long it is. What comes while it is busy
 * is therefore joined to pieces of some 30 ms: of the end of a flood, which has to be parsed for the scrollback, a
 * few pictures are drawn instead of dozens, and drawing costs more than parsing where there is no graphics card.
 */
export class WriteBatches {
  private waiting: Waiting[] = [];
  private writing = 0;
  private bytesPerMs = usualBytesPerMs;

  constructor(
    private readonly target: BatchTarget,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** `consumed` is called once the bytes were parsed. */
  write(bytes: Uint8Array, consumed: () => void): void {
    this.waiting.push({ bytes, consumed });
    if (this.writing === 0) this.next();
  }

  /** Hands over all that waits, so that what is written to xterm.js next comes behind it. */
  flush(): void {
    while (this.waiting.length > 0) this.next();
  }

  private next(): void {
    const batch = this.takeBatch();
    const bytes = join(batch);
    const isMeasured = bytes.byteLength >= measuredBytes;
    let begunMs = 0;
    // Called right before the batch is parsed: a write of nothing takes no time.
    if (isMeasured) this.target.write('', () => (begunMs = this.nowMs()));
    this.writing += 1;
    this.target.write(bytes, () => {
      this.writing -= 1;
      if (isMeasured) {
        const found = bytes.byteLength / Math.max(0.1, this.nowMs() - begunMs);
        this.bytesPerMs = (this.bytesPerMs + found) / 2;
      }
      for (const { consumed } of batch) consumed();
      if (this.writing === 0 && this.waiting.length > 0) this.next();
    });
  }

  private takeBatch(): readonly Waiting[] {
    const limitBytes = Math.min(maxBatchBytes, Math.max(minBatchBytes, this.bytesPerMs * batchMs));
    let count = 0;
    let bytes = 0;
    for (const item of this.waiting) {
      if (count > 0 && bytes + item.bytes.byteLength > limitBytes) break;
      bytes += item.bytes.byteLength;
      count += 1;
    }
    return this.waiting.splice(0, count);
  }
}

function join(batch: readonly Waiting[]): Uint8Array {
  if (batch.length === 1 && batch[0]) return batch[0].bytes;
  const joined = new Uint8Array(batch.reduce((sum, { bytes }) => sum + bytes.byteLength, 0));
  let offset = 0;
  for (const { bytes } of batch) {
    joined.set(bytes, offset);
    offset += bytes.byteLength;
  }
  return joined;
}
