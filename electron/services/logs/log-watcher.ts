import type { ErrorData, LogChunk, StreamSink } from '../../contract';
import type { Clock } from '../foundation';
import type { LogRing } from './log-ring';

/** Control characters take six bytes each in JSON: even then a chunk stays well under the largest frame. */
const chunkLimit = { lines: 500, characters: 256 * 1024 };
const collectMs = 40;

export interface LogWatcherDeps {
  readonly sink: StreamSink<LogChunk>;
  readonly ring: LogRing;
  readonly clock: Clock;
}

/**
 * One page's way through the log. It keeps only its place in the ring and sends while the page keeps up, so a
 * slow page costs no memory: lines that left the ring meanwhile show as a jump in their numbers.
 */
export class LogWatcher {
  private next = 0;
  private replacing = true;
  private disposed = false;
  private cancelFlush: (() => void) | null = null;

  constructor(private readonly deps: LogWatcherDeps) {
    deps.sink.onWritable(() => this.flush());
  }

  start(error: ErrorData | null): void {
    this.stateChanged(error);
    this.flush();
  }

  stateChanged(error: ErrorData | null): void {
    if (!this.disposed) this.deps.sink.send({ kind: 'state', error });
  }

  /** The log belongs to another container from now on. */
  replace(): void {
    this.next = this.deps.ring.end;
    this.replacing = true;
    this.flush();
  }

  linesArrived(): void {
    if (this.disposed || this.cancelFlush) return;
    this.cancelFlush = this.deps.clock.after(collectMs, () => {
      this.cancelFlush = null;
      this.flush();
    });
  }

  end(): void {
    if (!this.disposed) this.deps.sink.end();
    this.dispose();
  }

  dispose(): void {
    this.disposed = true;
    this.cancelFlush?.();
    this.cancelFlush = null;
  }

  private flush(): void {
    const { sink, ring } = this.deps;
    while (!this.disposed && sink.writable) {
      const lines = ring.from(this.next, chunkLimit);
      if (lines.length === 0 && !this.replacing) return;
      sink.send({ kind: 'lines', replace: this.replacing, lines });
      this.replacing = false;
      this.next = (lines.at(-1)?.sequence ?? this.next - 1) + 1;
    }
  }
}
