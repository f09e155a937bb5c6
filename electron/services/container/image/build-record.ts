import type { BuildState, BuildStep, ErrorData } from '../../../contract';
import type { BuildEvent } from '../ports';

const maxLogLines = 20_000;

/** What is known of one build: its steps, and the log as far as it is kept. */
export class BuildRecord {
  readonly logLines: string[] = [];
  /** Number of the first kept line, counted from the first one of the build. */
  firstLine = 0;
  private readonly steps: BuildStep[] = [];
  private readonly layers = new Map<string, { completedBytes: number; totalBytes: number | null }>();
  private status: BuildState['status'] = 'running';
  private error: ErrorData | null = null;
  private finishedAtMs: number | null = null;

  constructor(
    readonly identity: { readonly id: string; readonly reference: string; readonly startedAtMs: number },
  ) {}

  get isRunning(): boolean {
    return this.status === 'running';
  }

  state(revision: number): BuildState {
    return {
      revision,
      ...this.identity,
      status: this.status,
      finishedAtMs: this.finishedAtMs,
      steps: this.steps.map((step) => ({ ...step })),
      error: this.error,
    };
  }

  log(line: string): void {
    this.logLines.push(line);
    if (this.logLines.length <= maxLogLines) return;
    // A tenth at a time, because removing from the front of a long list costs its length.
    const excess = maxLogLines / 10;
    this.logLines.splice(0, excess);
    this.firstLine += excess;
  }

  apply(event: BuildEvent, nowMs: number): void {
    switch (event.kind) {
      case 'step':
        this.endStep('done', nowMs);
        this.layers.clear();
        this.steps.push({
          index: event.index,
          total: event.total,
          name: event.name,
          status: 'running',
          startedAtMs: nowMs,
          finishedAtMs: null,
          completedBytes: null,
          totalBytes: null,
        });
        return;
      case 'cached':
        this.endStep('cached', nowMs);
        return;
      case 'log':
        this.log(event.text);
        return;
      case 'layer':
        this.countLayer(event);
        return;
    }
  }

  end(status: 'succeeded' | 'failed' | 'cancelled', error: ErrorData | null, nowMs: number): void {
    const stepStatus = { succeeded: 'done', failed: 'failed', cancelled: 'cancelled' } as const;
    this.endStep(stepStatus[status], nowMs);
    this.status = status;
    this.error = error;
    this.finishedAtMs = nowMs;
  }

  private endStep(status: BuildStep['status'], nowMs: number): void {
    const step = this.steps.at(-1);
    if (step?.status !== 'running') return;
    step.status = status;
    step.finishedAtMs = nowMs;
  }

  private countLayer(event: Extract<BuildEvent, { kind: 'layer' }>): void {
    const step = this.steps.at(-1);
    if (!step) return;
    this.layers.set(event.id, event);
    const layers = [...this.layers.values()];
    step.completedBytes = sum(layers.map((layer) => layer.completedBytes));
    // The sum of what is announced so far; it grows while further layers begin.
    const totals = layers.map((layer) => layer.totalBytes);
    step.totalBytes = totals.every((total) => total !== null) ? sum(totals.map((total) => total ?? 0)) : null;
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
