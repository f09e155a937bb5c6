import type { Transport } from '../transport';

class MemoryEnd implements Transport {
  other: MemoryEnd | null = null;
  private listener: ((frame: unknown) => void) | null = null;
  private readonly early: unknown[] = [];
  private readonly closeListeners: (() => void)[] = [];
  private closed = false;

  send(frame: unknown): void {
    const target = this.other;
    if (this.closed || !target) return;
    // Cloned as a real transport would, so that no test can lean on shared objects.
    const copy: unknown = structuredClone(frame);
    queueMicrotask(() => target.receive(copy));
  }

  private receive(frame: unknown): void {
    if (this.closed) return;
    if (this.listener) this.listener(frame);
    else this.early.push(frame);
  }

  onFrame(listener: (frame: unknown) => void): void {
    this.listener = listener;
    for (const frame of this.early.splice(0)) listener(frame);
  }

  onClose(listener: () => void): void {
    if (this.closed) listener();
    else this.closeListeners.push(listener);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const listener of this.closeListeners.splice(0)) listener();
    const other = this.other;
    queueMicrotask(() => other?.close());
  }
}

/** Two joined ends in one process, for tests. */
export function createMemoryTransportPair(): [Transport, Transport] {
  const first = new MemoryEnd();
  const second = new MemoryEnd();
  first.other = second;
  second.other = first;
  return [first, second];
}
