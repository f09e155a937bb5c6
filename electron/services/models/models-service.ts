import {
  LmError,
  toLmError,
  type ErrorData,
  type Model,
  type ModelJob,
  type ModelJobList,
  type ModelList,
  type ModelReference,
} from '../../contract';
import { Emitter, type Clock, type Disposable, type Logger } from '../foundation';
import { backendOf, backendsOfPlace, requirePlaceOf, type BackendDeps } from './backends';
import { JobList } from './job-list';
import { ModelImports } from './model-imports';
import { ModelPulls } from './model-pulls';
import type { LlmBackend, ModelImporter, ModelPuller } from './ports';

/** How long a runtime may take to list its models; a list is small, so silence means that it hangs. */
const listTimeoutMs = 8_000;
/** How often the host looks by itself while a model is being loaded or a job runs. */
const busyPollMs = 2_000;

export interface ModelsServiceDeps extends BackendDeps {
  readonly puller: ModelPuller;
  readonly importer: ModelImporter;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
}

interface RuntimeAnswer {
  readonly runtime: ModelList['runtimes'][number];
  readonly models: readonly Model[];
}

/**
 * The models of all runtimes of the chosen place as one list, and the jobs that bring new ones. The list is asked for anew by each
 * `list()` (a page that shows it does so every few seconds), after own actions, and while something is going on;
 * nothing is polled while nobody looks.
 */
export class ModelsService implements Disposable {
  readonly onChanged = new Emitter<ModelList>();
  readonly onJobsChanged: Emitter<ModelJobList>;
  private readonly jobs: JobList;
  private readonly pulls: ModelPulls;
  private readonly imports: ModelImports;
  private readonly disposed = new AbortController();
  private readonly stopFollowing: () => void;
  private last: ModelList | null = null;
  private lastText = '';
  private asking: Promise<ModelList> | null = null;
  /** The question after the one that is under way. It has not begun, so it will see what is true now. */
  private next: Promise<ModelList> | null = null;
  private loadsRunning = 0;
  private cancelPoll: (() => void) | null = null;
  private runId: string | null;

  constructor(private readonly deps: ModelsServiceDeps) {
    this.jobs = new JobList(deps.clock);
    this.onJobsChanged = this.jobs.onChanged;
    const { clock, logger, newId } = deps;
    this.pulls = new ModelPulls({
      puller: deps.puller,
      jobs: this.jobs,
      clock,
      newId,
      onPulled: () => this.refreshSoon(),
    });
    this.imports = new ModelImports({ importer: deps.importer, jobs: this.jobs, clock, logger, newId });
    this.runId = deps.containers.current()?.runId ?? null;
    this.stopFollowing = deps.containers.onChanged((running) => {
      const runId = running?.runId ?? null;
      if (runId === this.runId) return;
      this.runId = runId;
      this.endJobs(
        new LmError('container_not_running', 'The sandbox stopped before this was done.', {
          repair: { text: 'Start the sandbox and try again; what a pull has fetched is kept.' },
          retryable: true,
        }),
      );
      this.refreshSoon();
    });
  }

  /**
   * Asks the runtimes; calls at the same time share one question, but never one that began before an own action
   * ended. Failures of a runtime are part of the list.
   */
  list(): Promise<ModelList> {
    return this.next ?? this.asking ?? this.begin();
  }

  /** Looks again without anybody waiting, for example because an answer has begun to load a model. */
  refreshSoon(): void {
    if (this.disposed.signal.aborted) return;
    if (this.asking && !this.next) {
      const begin = () => {
        this.next = null;
        return this.begin();
      };
      this.next = this.asking.then(begin, begin);
    }
    void Promise.resolve()
      .then(() => this.list())
      .catch((error: unknown) => this.deps.logger.warn('The models could not be listed.', { error }));
  }

  private begin(): Promise<ModelList> {
    this.asking = this.ask().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  async load(model: ModelReference): Promise<void> {
    await this.act(model, (backend, signal) => backend.load(model.name, signal));
  }

  async unload(model: ModelReference): Promise<void> {
    await this.act(model, (backend, signal) => backend.unload(model.name, signal));
  }

  async remove(model: ModelReference): Promise<void> {
    await this.act(model, (backend, signal) => backend.remove(model.name, signal));
  }

  listJobs(): ModelJobList {
    return this.jobs.list();
  }

  pull(name: string, insecure: boolean): ModelJob {
    this.deps.containers.require();
    return this.pulls.start(name, insecure);
  }

  async cancelJob(id: string): Promise<void> {
    if (!this.jobs.get(id)) throw new LmError('not_found', 'There is no such job.');
    if (this.imports.end(id, 'cancelled', null)) return;
    await this.pulls.end(id, 'cancelled', null);
  }

  clearJobs(): void {
    this.jobs.clearEnded();
  }

  importBegin(fileName: string, sizeBytes: number): ModelJob {
    if (this.deps.place() === 'container') this.deps.containers.require();
    return this.imports.begin(fileName, sizeBytes);
  }

  importChunk(id: string, offset: number, bytes: Uint8Array): Promise<void> {
    return this.imports.chunk(id, offset, bytes);
  }

  async importFinish(id: string): Promise<ModelJob> {
    const job = await this.imports.finish(id);
    await this.list();
    return job;
  }

  async dispose(): Promise<void> {
    if (this.disposed.signal.aborted) return;
    this.disposed.abort();
    this.stopFollowing();
    this.cancelPoll?.();
    this.onChanged.clear();
    this.imports.endAll(new LmError('disconnected', 'The app was closed.', { retryable: true }));
    await this.pulls.endAll(
      'failed',
      new LmError('disconnected', 'The app was closed.', { retryable: true }),
    );
    this.jobs.dispose();
  }

  private endJobs(error: LmError): void {
    this.imports.endAll(error);
    void this.pulls.endAll('failed', error);
  }

  private async act(
    model: ModelReference,
    action: (backend: LlmBackend, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    this.loadsRunning += 1;
    this.schedulePoll();
    try {
      await action(backendOf(model, this.deps), this.disposed.signal);
    } finally {
      this.loadsRunning -= 1;
      this.refreshSoon();
    }
  }

  private async ask(): Promise<ModelList> {
    const answers = await Promise.all(backendsOfPlace(this.deps).map((backend) => this.askRuntime(backend)));
    const content = {
      runtimes: answers.map((answer) => answer.runtime),
      models: answers.flatMap((answer) => [...answer.models]).sort(byRuntimeAndName),
    };
    const text = JSON.stringify(content);
    if (!this.last || text !== this.lastText) {
      this.lastText = text;
      this.last = { revision: (this.last?.revision ?? 0) + 1, ...content };
      this.onChanged.emit(this.last);
    }
    this.schedulePoll();
    return this.last;
  }

  private async askRuntime(backend: LlmBackend): Promise<RuntimeAnswer> {
    const unavailable = (error: ErrorData): RuntimeAnswer => ({
      runtime: { runtime: backend.runtime, state: 'unavailable', version: null, error },
      models: [],
    });
    const stop = new AbortController();
    let timedOut = false;
    const cancelTimer = this.deps.clock.after(listTimeoutMs, () => {
      timedOut = true;
      stop.abort();
    });
    try {
      requirePlaceOf(backend, this.deps);
      const [version, models] = await Promise.all([backend.version(stop.signal), backend.list(stop.signal)]);
      return { runtime: { runtime: backend.runtime, state: 'ready', version, error: null }, models };
    } catch (error) {
      if (timedOut) {
        return unavailable(
          new LmError('timeout', 'The model server does not answer.', {
            repair: { text: 'Wait a moment; if it stays so, restart the sandbox.' },
            retryable: true,
          }).data,
        );
      }
      return unavailable(toLmError(error).data);
    } finally {
      cancelTimer();
    }
  }

  private schedulePoll(): void {
    const busy =
      this.loadsRunning > 0 ||
      this.jobs.running().length > 0 ||
      (this.last?.models.some((model) => model.load.state === 'loading') ?? false);
    if (!busy || this.cancelPoll || this.disposed.signal.aborted) return;
    this.cancelPoll = this.deps.clock.after(busyPollMs, () => {
      this.cancelPoll = null;
      this.refreshSoon();
    });
  }
}

function byRuntimeAndName(left: Model, right: Model): number {
  if (left.reference.runtime !== right.reference.runtime)
    return left.reference.runtime < right.reference.runtime ? 1 : -1;
  return left.reference.name.localeCompare(right.reference.name);
}
