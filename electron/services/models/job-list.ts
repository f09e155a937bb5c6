import type { ModelJob, ModelJobList } from '../../contract';
import { Emitter, type Clock } from '../foundation';

/** Progress is told at most this often; beginnings and ends at once. */
const progressIntervalMs = 250;
const maxEndedJobs = 20;

/** The pulls and imports of this host, running and ended, and who wants to hear of them. */
export class JobList {
  readonly onChanged = new Emitter<ModelJobList>();
  private readonly jobs = new Map<string, ModelJob>();
  private revision = 0;
  private cancelTimer: (() => void) | null = null;

  constructor(private readonly clock: Clock) {}

  list(): ModelJobList {
    return { revision: this.revision, jobs: [...this.jobs.values()] };
  }

  get(id: string): ModelJob | null {
    return this.jobs.get(id) ?? null;
  }

  running(): readonly ModelJob[] {
    return [...this.jobs.values()].filter((job) => job.status === 'running');
  }

  add(job: ModelJob): void {
    this.jobs.set(job.id, job);
    this.dropOldEnded();
    this.tell();
  }

  /** Changes a running job; a job that has ended stays as it is. Returns the job as it is then. */
  update(id: string, change: Partial<ModelJob>): ModelJob | null {
    const job = this.jobs.get(id);
    if (!job || job.status !== 'running') return job ?? null;
    const changed = { ...job, ...change };
    this.jobs.set(id, changed);
    if (changed.status !== 'running') this.tell();
    else this.tellSoon();
    return changed;
  }

  clearEnded(): void {
    for (const job of [...this.jobs.values()]) if (job.status !== 'running') this.jobs.delete(job.id);
    this.tell();
  }

  dispose(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
    this.onChanged.clear();
  }

  private dropOldEnded(): void {
    const ended = [...this.jobs.values()].filter((job) => job.status !== 'running');
    for (const job of ended.slice(0, Math.max(0, ended.length - maxEndedJobs))) this.jobs.delete(job.id);
  }

  private tellSoon(): void {
    this.cancelTimer ??= this.clock.after(progressIntervalMs, () => this.tell());
  }

  private tell(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
    this.revision += 1;
    this.onChanged.emit(this.list());
  }
}
