import type { StreamSink } from '../../contract';

/** The pages that watch one stream. */
export class Watchers<Chunk> {
  private readonly sinks = new Set<StreamSink<Chunk>>();

  add(sink: StreamSink<Chunk>): void {
    if (sink.signal.aborted) return;
    this.sinks.add(sink);
    sink.signal.addEventListener('abort', () => this.sinks.delete(sink), { once: true });
  }

  /** For what every page has to know. */
  sendAll(chunk: Chunk): void {
    for (const sink of this.sinks) sink.send(chunk);
  }

  /** For samples: a page that has not consumed the last ones misses this one rather than falling behind. */
  sendWritable(chunk: Chunk): void {
    for (const sink of this.sinks) if (sink.writable) sink.send(chunk);
  }

  get count(): number {
    return this.sinks.size;
  }

  endAll(): void {
    for (const sink of this.sinks) sink.end();
    this.sinks.clear();
  }
}
