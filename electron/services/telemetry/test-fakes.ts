import { LmError, type GpuChoice, type StreamSink } from '../../contract';
import type { RunningContainer, RunningContainerSource } from '../container/running-container';
import { Emitter, type Clock } from '../foundation';

/** A clock whose time passes only when a test says so. */
export class ManualClock implements Clock {
  private now = 1_000_000;
  private timers: { readonly atMs: number; readonly action: () => void }[] = [];

  nowMs(): number {
    return this.now;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { atMs: this.now + delayMs, action };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  }

  advance(durationMs: number): void {
    const endMs = this.now + durationMs;
    for (;;) {
      const due = this.timers.filter((timer) => timer.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.timers = this.timers.filter((each) => each !== due);
      this.now = due.atMs;
      due.action();
    }
    this.now = endMs;
  }

  get waiting(): number {
    return this.timers.length;
  }
}

/** A sandbox whose container the test starts and stops. */
export class FakeRunningContainer implements RunningContainerSource {
  private running: RunningContainer | null = null;
  private readonly changed = new Emitter<RunningContainer | null>();

  current(): RunningContainer | null {
    return this.running;
  }

  require(): RunningContainer {
    if (!this.running) throw new LmError('container_not_running', 'The sandbox is not running.');
    return this.running;
  }

  onChanged(listener: (running: RunningContainer | null) => void): () => void {
    return this.changed.on(listener);
  }

  start(containerId: string, runId: string, gpuChoice: GpuChoice = 'all'): void {
    this.running = {
      containerId,
      runId,
      gpuChoice,
      gatewayUrl: 'http://127.0.0.1:8000',
      gatewayToken: 'token',
    };
    this.changed.emit(this.running);
  }

  stop(): void {
    this.running = null;
    this.changed.emit(null);
  }

  get listeners(): number {
    return this.changed.listenerCount;
  }
}

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
