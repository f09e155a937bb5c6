import { LmError, toLmError, type ModelJob } from '../../contract';
import type { Clock } from '../foundation';
import type { JobList } from './job-list';
import type { ModelPuller } from './ports';
import { PullSum } from './pull-progress';
import { SpeedMeter } from './speed';

interface RunningPull {
  readonly stop: AbortController;
  readonly done: Promise<void>;
  /** Why it was ended from here; null while it runs by itself. */
  ending: { readonly status: 'cancelled' | 'failed'; readonly error: LmError | null } | null;
}

export interface ModelPullsDeps {
  readonly puller: ModelPuller;
  readonly jobs: JobList;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly onPulled: () => void;
}

/** Pulls belong to the host: they go on whatever happens to the page that asked for them. */
export class ModelPulls {
  private readonly running = new Map<string, RunningPull>();

  constructor(private readonly deps: ModelPullsDeps) {}

  /** Starts a pull; a second one of the same name joins the first. */
  start(name: string, insecure: boolean): ModelJob {
    const existing = this.deps.jobs.running().find((job) => job.kind === 'pull' && job.name === name);
    if (existing) return existing;
    const job: ModelJob = {
      id: this.deps.newId(),
      kind: 'pull',
      name,
      insecure,
      status: 'running',
      phase: 'asking the registry',
      completedBytes: null,
      totalBytes: null,
      bytesPerSecond: null,
      error: null,
      startedAtMs: this.deps.clock.nowMs(),
    };
    this.deps.jobs.add(job);
    const stop = new AbortController();
    this.running.set(job.id, { stop, done: this.run(job.id, name, insecure, stop.signal), ending: null });
    return job;
  }

  /** Resolves when the pull's connection was closed; false when there is no pull of that id. */
  async end(id: string, status: 'cancelled' | 'failed', error: LmError | null): Promise<boolean> {
    const found = this.running.get(id);
    if (!found) return false;
    found.ending ??= { status, error };
    found.stop.abort();
    await found.done;
    return true;
  }

  async endAll(status: 'cancelled' | 'failed', error: LmError | null): Promise<void> {
    await Promise.all([...this.running.keys()].map((id) => this.end(id, status, error)));
  }

  private async run(id: string, name: string, insecure: boolean, signal: AbortSignal): Promise<void> {
    const sum = new PullSum();
    const speed = new SpeedMeter();
    try {
      for await (const progress of this.deps.puller.pull(name, insecure, signal)) {
        const totals = sum.add(progress);
        const bytesPerSecond =
          totals.completedBytes === null ? null : speed.add(this.deps.clock.nowMs(), totals.completedBytes);
        this.deps.jobs.update(id, { ...totals, bytesPerSecond });
      }
      this.deps.jobs.update(id, { status: 'succeeded', phase: 'done', bytesPerSecond: null });
      this.deps.onPulled();
    } catch (thrown) {
      const ending = this.running.get(id)?.ending ?? null;
      const error = ending ? ending.error : toLmError(thrown);
      this.deps.jobs.update(id, {
        status: ending?.status ?? 'failed',
        error: error?.data ?? null,
        bytesPerSecond: null,
      });
    } finally {
      this.running.delete(id);
    }
  }
}
