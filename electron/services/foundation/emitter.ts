export type Unsubscribe = () => void;

/** A typed list of listeners. A listener that throws does not keep the others from being called. */
export class Emitter<T> {
  private readonly listeners = new Set<(value: T) => void>();

  constructor(private readonly onListenerError: (error: unknown) => void = (error) => reportError(error)) {}

  on(listener: (value: T) => void): Unsubscribe {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  emit(value: T): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.onListenerError(error);
      }
    }
  }

  get listenerCount(): number {
    return this.listeners.size;
  }

  clear(): void {
    this.listeners.clear();
  }
}

function reportError(error: unknown): void {
  // Surfaces as an uncaught exception of its own turn, so that it is seen without breaking the emitter.
  queueMicrotask(() => {
    throw error;
  });
}
