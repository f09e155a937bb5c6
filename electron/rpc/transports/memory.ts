import type { Transport } from '../transport';
import { Inbox } from './inbox';

class MemoryEnd implements Transport {
  other: MemoryEnd | null = null;
  private readonly inbox = new Inbox();

  send(frame: unknown): void {
    const target = this.other;
    if (this.inbox.closed || !target) return;
    // Cloned as a real transport would, so that no test can lean on shared objects.
    const copy: unknown = structuredClone(frame);
    queueMicrotask(() => target.receive(copy));
  }

  private receive(frame: unknown): void {
    if (!this.inbox.closed) this.inbox.deliver(frame);
  }

  onFrame(listener: (frame: unknown) => void): void {
    this.inbox.onFrame(listener);
  }

  onClose(listener: () => void): void {
    this.inbox.onClose(listener);
  }

  close(): void {
    if (this.inbox.closed) return;
    this.inbox.end();
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
