import { randomUUID } from 'node:crypto';
import { LmError, toLmError, type BuildChunk, type BuildState, type StreamSink } from '../../../contract';
import { Emitter, type Clock, type Disposable, type Logger } from '../../foundation';
import type { SettingsService } from '../../settings';
import type { EngineService } from '../engine';
import { imageRevisionLabel } from '../labels';
import type { BuildContextSource, BuildEvent } from '../ports';
import { BuildRecord } from './build-record';

/** Bytes of layers change many times a second; a page needs four. */
const progressIntervalMs = 250;
/** Lines in one chunk of the log stream. */
const linesPerChunk = 500;

export interface ImageServiceDeps {
  readonly engines: EngineService;
  readonly settings: Pick<SettingsService, 'current'>;
  readonly context: BuildContextSource;
  /** Arguments of the Dockerfile that replace its own defaults, such as other base images. */
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly appVersion: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Builds the sandbox image, one build at a time, and keeps the last one's steps and log. */
export class ImageService implements Disposable {
  readonly onBuildChanged: Emitter<BuildState>;
  private readonly onLogGrown: Emitter<void>;
  private record: BuildRecord | null = null;
  private revision = 0;
  private stop: AbortController | null = null;
  private ended: Promise<void> = Promise.resolve();
  /** Ids of images that may have been replaced, and were not looked at since. */
  private readonly replaced = new Set<string>();
  private removing: Promise<void> = Promise.resolve();
  private cancelPublish: (() => void) | null = null;

  constructor(private readonly deps: ImageServiceDeps) {
    const report = (error: unknown) => deps.logger.error('A listener failed', { error });
    this.onBuildChanged = new Emitter(report);
    this.onLogGrown = new Emitter(report);
  }

  /** Hash of what a build made now would be made from. */
  imageRevision(): Promise<string> {
    return this.deps.context.revision();
  }

  /** The running or the last build. */
  buildState(): BuildState | null {
    return this.record?.state(this.revision) ?? null;
  }

  /** Starts a build and gives its first state. Throws `conflict` while one runs, `engine_…` without an engine. */
  build({ withoutCache }: { readonly withoutCache: boolean }): BuildState {
    if (this.record?.isRunning) {
      throw new LmError('conflict', 'The image is being built already.', { retryable: true });
    }
    this.deps.engines.require();
    const reference = this.deps.settings.current().imageName;
    const record = new BuildRecord({ id: randomUUID(), reference, startedAtMs: this.deps.clock.nowMs() });
    const stop = new AbortController();
    this.record = record;
    this.stop = stop;
    this.ended = this.run(record, withoutCache, stop.signal);
    // Pages that show the log of the build before begin anew.
    this.onLogGrown.emit();
    return this.publish(record);
  }

  /** Resolves when the engine has let go of the build. Does nothing when none runs. */
  async cancelBuild(): Promise<void> {
    this.stop?.abort();
    await this.ended;
  }

  /**
   * Removes an image that a build has replaced, as soon as no build runs: one made by this app that has no name any
   * more. One that a container uses stays; this is to be called again when that was removed. Never rejects.
   */
  removeReplaced(imageId: string): Promise<void> {
    this.replaced.add(imageId);
    if (this.record?.isRunning) return this.ended;
    this.removing = this.removing.then(() => this.removeAllReplaced());
    return this.removing;
  }

  /** Sends the kept log and then each new line; waits while the reader is behind. */
  attachLog(sink: StreamSink<BuildChunk>): void {
    let shown: BuildRecord | null = null;
    let next = 0;
    const sendSnapshot = () => {
      shown = this.record;
      const lines = shown?.logLines ?? [];
      next = (shown?.firstLine ?? 0) + lines.length;
      sink.send({ kind: 'snapshot', build: this.buildState(), logLines: [...lines] });
    };
    const sendNew = () => {
      if (sink.signal.aborted || !sink.writable) return;
      // A new build, or a reader so far behind that lines it never saw are gone: begin anew.
      if (this.record !== shown || (shown && next < shown.firstLine)) sendSnapshot();
      while (shown && sink.writable && next < shown.firstLine + shown.logLines.length) {
        const from = next - shown.firstLine;
        const lines = shown.logLines.slice(from, from + linesPerChunk);
        next += lines.length;
        sink.send({ kind: 'log', lines });
      }
    };
    sendSnapshot();
    const stopListening = this.onLogGrown.on(sendNew);
    sink.onWritable(sendNew);
    sink.signal.addEventListener('abort', stopListening, { once: true });
    if (sink.signal.aborted) stopListening();
  }

  async dispose(): Promise<void> {
    await this.cancelBuild();
    await this.removing;
    this.cancelPublish?.();
    this.onBuildChanged.clear();
    this.onLogGrown.clear();
  }

  private async run(record: BuildRecord, withoutCache: boolean, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.deps;
    try {
      // The image being removed may hold steps that this build would begin from.
      await this.removing;
      await this.send(record, withoutCache, signal);
      record.end('succeeded', null, clock.nowMs());
    } catch (error) {
      const failure = toLmError(error);
      if (failure.code === 'internal') logger.error('The build failed', { error });
      if (failure.code === 'cancelled') record.end('cancelled', null, clock.nowMs());
      else record.end('failed', failure.data, clock.nowMs());
    }
    this.onLogGrown.emit();
    this.publish(record);
  }

  private async removeAllReplaced(): Promise<void> {
    const engine = this.deps.engines.current();
    const ids = [...this.replaced];
    this.replaced.clear();
    if (!engine) return;
    for (const id of ids) {
      try {
        const image = await engine.inspectImage(id);
        const isOurs = image !== null && imageRevisionLabel in image.labels;
        if (isOurs && image.references.length === 0) await engine.removeUnusedImage(id);
      } catch (error) {
        this.deps.logger.warn('A replaced image could not be removed', { error, image: id });
      }
    }
  }

  private async send(record: BuildRecord, withoutCache: boolean, signal: AbortSignal): Promise<void> {
    const { engines, context, settings, buildArguments, appVersion } = this.deps;
    const engine = engines.require();
    const before = await engine.inspectImage(record.identity.reference);
    const revision = await context.revision();
    const { stream, certificates } = await context.open(settings.current().extraCertificatesFolder);
    if (certificates.length > 0) record.log(`Extra certificates: ${certificates.join(', ')}`);
    await engine.buildImage(
      {
        context: stream,
        dockerfile: 'image/Dockerfile',
        // The stages after it are for the image's own tests, and the classic builder would build them too.
        target: 'runtime',
        reference: record.identity.reference,
        buildArguments: { IMAGE_VERSION: appVersion, ...buildArguments, IMAGE_REVISION: revision },
        withoutCache,
      },
      (event) => this.onBuildEvent(record, event),
      signal,
    );
    if (before) this.replaced.add(before.id);
    // Before the build is over, because another one might begin from the steps of what is removed.
    await this.removeAllReplaced();
  }

  private onBuildEvent(record: BuildRecord, event: BuildEvent): void {
    record.apply(event, this.deps.clock.nowMs());
    if (event.kind === 'log') this.onLogGrown.emit();
    else if (event.kind === 'layer') this.publishSoon(record);
    else this.publish(record);
  }

  private publishSoon(record: BuildRecord): void {
    this.cancelPublish ??= this.deps.clock.after(progressIntervalMs, () => this.publish(record));
  }

  private publish(record: BuildRecord): BuildState {
    this.cancelPublish?.();
    this.cancelPublish = null;
    this.revision += 1;
    const state = record.state(this.revision);
    this.onBuildChanged.emit(state);
    return state;
  }
}
