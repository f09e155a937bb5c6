import { LmError, type StreamDefinition, type StreamSink } from '../contract';
import type { HostFrame } from './frames';
import { approximateSizeBytes } from './size';
import { windowMarks } from './window';

/** Chunks a bounded-with-gap stream holds back while its consumer is behind. */
const boundedQueueChunks = 64;

/** The host's end of one open stream. */
export class ServerStream implements StreamSink<unknown> {
  private unconsumedBytes = 0;
  private paused = false;
  private ended = false;
  private dropped = 0;
  private waiting: unknown[] = [];
  private readonly resumeListeners: (() => void)[] = [];
  private readonly abort = new AbortController();
  private readonly windowBytes: number;
  private readonly resumeBytes: number;

  constructor(
    private readonly id: number,
    private readonly definition: StreamDefinition,
    requestedWindowBytes: number,
    private readonly sendFrame: (frame: HostFrame) => void,
    private readonly onEnded: () => void,
  ) {
    this.windowBytes = Math.min(requestedWindowBytes, definition.windowBytes);
    this.resumeBytes = windowMarks(this.windowBytes).resumeBytes;
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  get writable(): boolean {
    return !this.paused;
  }

  get pendingBytes(): number {
    return this.unconsumedBytes;
  }

  onWritable(listener: () => void): void {
    this.resumeListeners.push(listener);
  }

  send(chunk: unknown): void {
    if (this.ended) return;
    if (!this.paused || this.definition.policy === 'lossless') {
      this.sendNow(chunk);
      return;
    }
    if (this.definition.policy === 'latest-wins') {
      this.waiting = [chunk];
      return;
    }
    this.waiting.push(chunk);
    if (this.waiting.length > boundedQueueChunks) {
      this.waiting.shift();
      this.dropped += 1;
    }
  }

  private sendNow(chunk: unknown): void {
    const sizeBytes = approximateSizeBytes(chunk);
    this.unconsumedBytes += sizeBytes;
    if (this.unconsumedBytes >= this.windowBytes) this.paused = true;
    this.sendFrame({ type: 'chunk', id: this.id, chunk, sizeBytes });
  }

  /** The consumer has dealt with `bytes`; more than was sent is a fault of the page and counts as all. */
  credit(bytes: number): void {
    this.unconsumedBytes = Math.max(0, this.unconsumedBytes - bytes);
    if (!this.paused || this.unconsumedBytes > this.resumeBytes) return;
    this.paused = false;
    if (this.dropped > 0 && this.definition.gap) {
      const gap = this.definition.gap(this.dropped);
      this.dropped = 0;
      this.sendNow(gap);
    }
    while (!this.paused && this.waiting.length > 0) this.sendNow(this.waiting.shift());
    if (!this.paused) for (const listener of this.resumeListeners) listener();
  }

  end(): void {
    if (this.finish()) this.sendFrame({ type: 'end', id: this.id });
  }

  fail(error: LmError): void {
    if (this.finish()) this.sendFrame({ type: 'failure', id: this.id, error: error.data });
  }

  /** The consumer closed the stream or its connection went away. */
  cancel(): void {
    this.finish();
  }

  private finish(): boolean {
    if (this.ended) return false;
    this.ended = true;
    this.waiting = [];
    this.onEnded();
    this.abort.abort();
    return true;
  }
}
