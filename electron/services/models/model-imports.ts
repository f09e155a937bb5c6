import { LmError, toLmError, type ModelJob } from '../../contract';
import type { Clock, Logger } from '../foundation';
import { requireGgufHeader } from './gguf';
import type { JobList } from './job-list';
import type { ModelImporter, ModelUpload } from './ports';
import { SpeedMeter } from './speed';

/** A page that was reloaded can no longer read its file; its import ends after this silence. */
const silenceLimitMs = 60_000;

interface RunningImport {
  readonly upload: ModelUpload;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly speed: SpeedMeter;
  receivedBytes: number;
  busy: boolean;
  cancelTimer: () => void;
}

export interface ModelImportsDeps {
  readonly importer: ModelImporter;
  readonly jobs: JobList;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
}

/** GGUF files on their way from a page into the container, one job each. */
export class ModelImports {
  private readonly running = new Map<string, RunningImport>();

  constructor(private readonly deps: ModelImportsDeps) {}

  begin(fileName: string, sizeBytes: number): ModelJob {
    if (this.deps.jobs.running().some((job) => job.kind === 'import' && job.name === fileName)) {
      throw new LmError('conflict', `${fileName} is already being imported.`);
    }
    const id = this.deps.newId();
    const upload = this.deps.importer.open(fileName, sizeBytes);
    this.running.set(id, {
      upload,
      fileName,
      sizeBytes,
      speed: new SpeedMeter(),
      receivedBytes: 0,
      busy: false,
      cancelTimer: this.watchSilence(id),
    });
    const job: ModelJob = {
      id,
      kind: 'import',
      name: fileName,
      status: 'running',
      phase: 'copying into the sandbox',
      completedBytes: 0,
      totalBytes: sizeBytes,
      bytesPerSecond: null,
      error: null,
      startedAtMs: this.deps.clock.nowMs(),
    };
    this.deps.jobs.add(job);
    return job;
  }

  async chunk(id: string, offset: number, bytes: Uint8Array): Promise<void> {
    const found = this.require(id);
    if (found.busy || offset !== found.receivedBytes) {
      throw new LmError(
        'conflict',
        `The next piece of ${found.fileName} has to begin at byte ${found.receivedBytes}.`,
        {
          details: { expectedOffset: found.receivedBytes, offset },
        },
      );
    }
    await this.step(id, found, async () => {
      if (offset === 0) requireGgufHeader(found.fileName, bytes);
      if (offset + bytes.byteLength > found.sizeBytes) {
        throw new LmError(
          'model_invalid',
          `${found.fileName} is larger than was announced; it may have changed meanwhile.`,
        );
      }
      await found.upload.write(bytes);
      found.receivedBytes += bytes.byteLength;
      this.deps.jobs.update(id, {
        completedBytes: found.receivedBytes,
        bytesPerSecond: found.speed.add(this.deps.clock.nowMs(), found.receivedBytes),
      });
    });
  }

  async finish(id: string): Promise<ModelJob> {
    const found = this.require(id);
    await this.step(id, found, async () => {
      if (found.receivedBytes !== found.sizeBytes) {
        throw new LmError(
          'model_invalid',
          `${found.fileName} ended after ${found.receivedBytes} of ${found.sizeBytes} bytes.`,
        );
      }
      await found.upload.finish();
    });
    this.forget(id);
    const job = this.deps.jobs.update(id, { status: 'succeeded', phase: 'done', bytesPerSecond: null });
    if (!job) throw new LmError('not_found', 'There is no such import.');
    return job;
  }

  /** Ends a running import; false when there is none of that id. */
  end(id: string, status: 'cancelled' | 'failed', error: LmError | null): boolean {
    const found = this.running.get(id);
    if (!found) return false;
    this.forget(id);
    found.upload.abort().catch((reason: unknown) => {
      this.deps.logger.warn('An unfinished import could not be cleaned up.', {
        fileName: found.fileName,
        error: reason,
      });
    });
    this.deps.jobs.update(id, { status, error: error?.data ?? null, bytesPerSecond: null });
    return true;
  }

  endAll(error: LmError): void {
    for (const id of [...this.running.keys()]) this.end(id, 'failed', error);
  }

  /** Runs one piece of work of an import; its failure is the failure of the job. */
  private async step(id: string, found: RunningImport, work: () => Promise<void>): Promise<void> {
    found.cancelTimer();
    found.busy = true;
    try {
      await work();
    } catch (error) {
      const failure = toLmError(error);
      this.end(id, 'failed', failure);
      const ended = this.deps.jobs.get(id);
      // Whatever the connection said last: the job was cancelled or failed for a reason told before.
      if (ended?.status === 'cancelled')
        throw new LmError('cancelled', `The import of ${found.fileName} was cancelled.`);
      throw ended?.error ? LmError.fromData(ended.error) : failure;
    } finally {
      found.busy = false;
    }
    if (this.running.has(id)) found.cancelTimer = this.watchSilence(id);
  }

  private require(id: string): RunningImport {
    const found = this.running.get(id);
    if (found) return found;
    const job = this.deps.jobs.get(id);
    if (job?.status === 'cancelled')
      throw new LmError('cancelled', `The import of ${job.name} was cancelled.`);
    if (job?.error) throw LmError.fromData(job.error);
    throw new LmError('not_found', 'There is no such import.');
  }

  private watchSilence(id: string): () => void {
    return this.deps.clock.after(silenceLimitMs, () => {
      this.end(
        id,
        'failed',
        new LmError('disconnected', 'The page that was reading the file went away.', {
          repair: { text: 'Import the file again.' },
          retryable: true,
        }),
      );
    });
  }

  private forget(id: string): void {
    this.running.get(id)?.cancelTimer();
    this.running.delete(id);
  }
}
