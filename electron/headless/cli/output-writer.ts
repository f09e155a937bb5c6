import { write } from 'node:fs';

const againMs = 5;

/**
 * Writes bytes to an open descriptor, one piece after the other, without ever blocking this process: `process.stdout`
 * would, for a pipe that nobody reads, and then no signal is heard.
 */
export class OutputWriter {
  private last: Promise<void> = Promise.resolve();
  private waiting = 0;
  private brokenNow = false;

  /** `onBroken` is called once, when nothing more can be written; `EPIPE`: because nobody reads any more. */
  constructor(
    private readonly descriptor: number,
    private readonly onBroken: (error: NodeJS.ErrnoException) => void = () => undefined,
  ) {}

  /** Whether something waits to be taken. */
  get busy(): boolean {
    return this.waiting > 0;
  }

  get broken(): boolean {
    return this.brokenNow;
  }

  /** Resolves when the system has taken the bytes, or takes no more. */
  write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    this.waiting += 1;
    this.last = this.last
      .then(() => this.writeAll(bytes))
      .then(() => {
        this.waiting -= 1;
      });
    return this.last;
  }

  /** Resolves when everything so far is out. */
  flushed(): Promise<void> {
    return this.last;
  }

  private async writeAll(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.byteLength && !this.brokenNow) {
      const written = await this.writeSome(bytes.subarray(offset));
      if (typeof written !== 'number') {
        this.brokenNow = true;
        this.onBroken(written);
      } else if (written === 0) {
        // Another program has made the pipe one that does not wait.
        await new Promise((resolve) => setTimeout(resolve, againMs));
      } else {
        offset += written;
      }
    }
  }

  private writeSome(bytes: Uint8Array): Promise<number | NodeJS.ErrnoException> {
    return new Promise((resolve) => {
      write(this.descriptor, bytes, (error, written) => {
        if (!error) resolve(written);
        else resolve(error.code === 'EAGAIN' ? 0 : error);
      });
    });
  }
}
