/** Lines of a log, kept outside React. Views are told at most once per animation frame. */
export interface LineRing {
  /** The lines kept, oldest first. The same array until the next change. */
  readonly lines: () => readonly string[];
  /** How many lines were let go to keep the ring small. */
  readonly dropped: () => number;
  readonly append: (lines: readonly string[]) => void;
  readonly replace: (lines: readonly string[]) => void;
  readonly clear: () => void;
  /** For useSyncExternalStore. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly dispose: () => void;
}

export const maxBuildLogLines = 5_000;
/** A longer line is cut: nobody reads it here, and laying it out would stall the page. */
export const maxLineLength = 2_000;

export function createLineRing(
  maxLines: number = maxBuildLogLines,
  schedule: (flush: () => void) => number = requestAnimationFrame,
  unschedule: (handle: number) => void = cancelAnimationFrame,
): LineRing {
  let shown: readonly string[] = [];
  let waiting: string[] = [];
  let droppedCount = 0;
  let frame: number | null = null;
  const listeners = new Set<() => void>();

  const notify = () => {
    for (const listener of [...listeners]) listener();
  };
  const flush = () => {
    frame = null;
    const all = [...shown, ...waiting];
    waiting = [];
    const excess = Math.max(0, all.length - maxLines);
    droppedCount += excess;
    shown = excess > 0 ? all.slice(excess) : all;
    notify();
  };
  const reset = (lines: readonly string[]) => {
    if (frame !== null) unschedule(frame);
    frame = null;
    waiting = [];
    droppedCount = Math.max(0, lines.length - maxLines);
    shown = lines.slice(droppedCount).map(cut);
    notify();
  };

  return {
    lines: () => shown,
    dropped: () => droppedCount,
    append: (lines) => {
      for (const line of lines) waiting.push(cut(line));
      // While no frame comes (hidden window), what would be dropped anyway need not wait.
      if (waiting.length > 2 * maxLines) {
        droppedCount += waiting.length - maxLines;
        waiting = waiting.slice(-maxLines);
      }
      frame ??= schedule(flush);
    },
    replace: reset,
    clear: () => reset([]),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    dispose: () => {
      if (frame !== null) unschedule(frame);
      frame = null;
      listeners.clear();
    },
  };
}

function cut(line: string): string {
  return line.length > maxLineLength ? `${line.slice(0, maxLineLength)} … (${line.length} characters)` : line;
}
