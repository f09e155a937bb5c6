/** Time as services see it, so that tests can hold it. */
export interface Clock {
  nowMs(): number;
  /** Calls `action` once after `delayMs`; the returned function cancels it. The timer keeps no process alive. */
  after(delayMs: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
