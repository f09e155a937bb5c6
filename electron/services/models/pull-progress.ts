import type { PullProgress } from './ports';

export interface PullTotals {
  readonly phase: string;
  readonly completedBytes: number | null;
  readonly totalBytes: number | null;
}

/**
 * Adds up the layers of a pull. Ollama announces one layer after the other, so the total can grow; the sum never
 * shrinks, also when a layer is reported anew after a lost connection.
 */
export class PullSum {
  private readonly layers = new Map<string, { completed: number; total: number | null }>();

  add(progress: PullProgress): PullTotals {
    if (progress.layer !== null) {
      const known = this.layers.get(progress.layer);
      this.layers.set(progress.layer, {
        completed: Math.max(known?.completed ?? 0, progress.completedBytes ?? 0),
        total: progress.totalBytes ?? known?.total ?? null,
      });
    }
    if (this.layers.size === 0) return { phase: progress.phase, completedBytes: null, totalBytes: null };
    let completedBytes = 0;
    let totalBytes: number | null = 0;
    for (const layer of this.layers.values()) {
      completedBytes += layer.completed;
      totalBytes = totalBytes === null || layer.total === null ? null : totalBytes + layer.total;
    }
    return { phase: progress.phase, completedBytes, totalBytes };
  }
}
