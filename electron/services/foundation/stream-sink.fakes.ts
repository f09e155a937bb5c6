import type { StreamSink } from '../../contract';
import { Emitter } from './emitter';

/** A page that keeps what it is sent, and keeps up or not as the test says. */
export class FakeSink<Chunk> implements StreamSink<Chunk> {
  readonly chunks: Chunk[] = [];
  readonly pendingBytes = 0;
  ended = false;
  private keepsUp = true;
  private readonly writableAgain = new Emitter<null>();
  private readonly closing = new AbortController();

  get writable(): boolean {
    return this.keepsUp;
  }

  get signal(): AbortSignal {
    return this.closing.signal;
  }

  send(chunk: Chunk): void {
    this.chunks.push(chunk);
  }

  onWritable(listener: () => void): void {
    this.writableAgain.on(listener);
  }

  end(): void {
    this.ended = true;
  }

  fail(): void {
    this.ended = true;
  }

  fallBehind(): void {
    this.keepsUp = false;
  }

  catchUp(): void {
    this.keepsUp = true;
    this.writableAgain.emit(null);
  }

  close(): void {
    this.closing.abort();
  }

  /** The chunks since the last call. */
  take(): Chunk[] {
    return this.chunks.splice(0);
  }
}
