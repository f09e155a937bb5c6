import { LmError, toLmError, type ErrorData, type LocalApiState, type LocalApiStatus } from '../../contract';
import type { EmbeddedCompanion, EmbeddedService } from '../embedded';
import { Emitter, type Clock, type Disposable, type Logger } from '../foundation';
import type { SettingsService } from '../settings';
import { describeLauncher } from './launcher-description';
import type { GatewayRuntime, ModelDoor, PreparationProgress, RunningGateway } from './ports';

/** Short commands may come by the thousand; who looks at them is told this often at most. */
const tellProgramsMs = 100;
/** One that ends by itself is started again, but not for ever. */
const restartsMax = 3;
const restartsWithinMs = 5 * 60_000;

export interface LocalApiServiceDeps {
  readonly settings: Pick<SettingsService, 'current' | 'update' | 'onChanged'>;
  readonly embedded: Pick<EmbeddedService, 'current' | 'launch' | 'status' | 'onRunChanged' | 'accompany'>;
  readonly runtime: GatewayRuntime;
  /** Null: this host has no embedded models. */
  readonly models: ModelDoor | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Running {
  readonly gateway: RunningGateway;
  readonly runId: string;
  readonly port: number;
  readonly isolation: 'bubblewrap' | 'none';
}

/**
 * The HTTP API of the embedded sandbox. It runs while the settings say so and the sandbox does; nothing of it is
 * looked for before.
 */
export class LocalApiService implements Disposable {
  readonly onChanged: Emitter<LocalApiStatus>;
  private revision = 0;
  private state: LocalApiState = 'off';
  private progress: PreparationProgress | null = null;
  private error: ErrorData | null = null;
  private running: Running | null = null;
  /** Stops the preparation under way. */
  private preparing: AbortController | null = null;
  private readonly endedAtMs: number[] = [];
  /** Process ids of the commands and sessions of the gateway that runs. */
  private programs: readonly number[] = [];
  private cancelTell: (() => void) | null = null;
  private readonly companion: EmbeddedCompanion;
  private working: Promise<void> = Promise.resolve();
  private readonly stopFollowing: readonly (() => void)[];
  private wish: string;
  private disposed = false;

  constructor(private readonly deps: LocalApiServiceDeps) {
    this.onChanged = new Emitter((error) => deps.logger.error('A listener failed', { error }));
    this.wish = this.currentWish();
    this.stopFollowing = [
      deps.settings.onChanged.on(() => {
        if (this.wish === this.currentWish()) return;
        this.wish = this.currentWish();
        this.begin();
      }),
      deps.embedded.onRunChanged.on(() => this.begin()),
      () => this.companion.leave(),
    ];
    this.companion = deps.embedded.accompany({
      processIds: () => this.programs,
      // The sandbox has ended only when the commands of the API have.
      end: () => this.follow(),
    });
    this.begin();
  }

  status(): LocalApiStatus {
    return {
      revision: this.revision,
      state: this.state,
      progress: this.progress,
      address: this.running?.gateway.address ?? null,
      isolation: this.running?.isolation ?? null,
      tokenFile: this.deps.runtime.tokenFile,
      error: this.error,
    };
  }

  async setEnabled(enabled: boolean): Promise<LocalApiStatus> {
    await this.deps.settings.update({ localApi: enabled });
    return this.status();
  }

  retry(): LocalApiStatus {
    this.begin();
    return this.status();
  }

  token(): Promise<string> {
    return this.deps.runtime.token();
  }

  /** Resolves when everything that has been asked for is done. */
  settled(): Promise<void> {
    return this.working;
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    for (const stop of this.stopFollowing) stop();
    await this.follow();
    this.cancelTell?.();
    this.onChanged.clear();
  }

  private currentWish(): string {
    const { localApi, localApiPort } = this.deps.settings.current();
    return `${localApi} ${localApiPort}`;
  }

  private wanted(): { readonly runId: string; readonly port: number } | null {
    const { localApi, localApiPort } = this.deps.settings.current();
    const run = this.deps.embedded.current();
    return !this.disposed && localApi && run ? { runId: run.runId, port: localApiPort } : null;
  }

  /** A new wish: what failed before is tried again. */
  private begin(): void {
    this.endedAtMs.length = 0;
    void this.follow();
  }

  /** Brings what runs to what is wanted, after what is under way. Never rejects. */
  private follow(): Promise<void> {
    this.preparing?.abort();
    this.working = this.working.then(() => this.followNow());
    return this.working;
  }

  private async followNow(): Promise<void> {
    const wanted = this.wanted();
    const { running } = this;
    if (running && wanted?.runId === running.runId && wanted.port === running.port) return;
    if (running) await this.stopNow(running);
    if (wanted) await this.startNow(wanted);
    else this.enter(this.deps.settings.current().localApi && !this.disposed ? 'waiting' : 'off');
  }

  private async startNow({ runId, port }: { readonly runId: string; readonly port: number }): Promise<void> {
    const { runtime, embedded, models, logger } = this.deps;
    const preparing = new AbortController();
    this.preparing = preparing;
    this.enter('preparing');
    try {
      await runtime.prepare((progress) => {
        this.progress = progress;
        this.publish();
      }, preparing.signal);
      this.preparing = null;
      // What was wanted may have changed meanwhile; then the next turn begins anew.
      if (preparing.signal.aborted || embedded.current()?.runId !== runId) return;
      this.enter('starting');
      const launcher = describeLauncher(embedded, embedded.status());
      const noModels = await openModels(models, logger);
      const gateway = await runtime.start(port, launcher, (processIds) => this.setPrograms(processIds));
      const running = { gateway, runId, port, isolation: launcher.isolation };
      this.running = running;
      void gateway.ended.then((lastWords) => this.onEnded(running, lastWords));
      if (launcher.isolation === 'none') logger.warn('Commands of the local API are not isolated');
      this.enter('running', noModels);
    } catch (error) {
      await models?.close().catch(() => undefined);
      const known = toLmError(error);
      if (known.code === 'cancelled' && preparing.signal.aborted) return;
      logger.error('The local API did not start', { error });
      this.enter('failed', known.data);
    } finally {
      this.preparing = null;
    }
  }

  private async stopNow({ gateway }: Running): Promise<void> {
    this.running = null;
    this.enter('stopping');
    try {
      await gateway.stop();
      this.setPrograms([]);
      await this.deps.models?.close();
    } catch (error) {
      this.deps.logger.error('The local API did not stop', { error });
    }
  }

  private onEnded(running: Running, lastWords: string): void {
    if (this.running !== running) return;
    this.running = null;
    this.setPrograms([]);
    const { clock, logger } = this.deps;
    logger.error('The local API ended by itself', { lastWords });
    const nowMs = clock.nowMs();
    this.endedAtMs.push(nowMs);
    if (this.endedAtMs.filter((each) => nowMs - each < restartsWithinMs).length <= restartsMax) {
      void this.follow();
      return;
    }
    const error = new LmError('internal', 'The API of the embedded sandbox ended several times by itself.', {
      details: { lastWords: lastWords.slice(-1_000) },
      repair: { text: 'Look at what it said, then try again.' },
      retryable: true,
    });
    this.enter('failed', error.data);
  }

  private setPrograms(processIds: readonly number[]): void {
    const known = this.programs;
    this.programs = processIds;
    if (processIds.length === known.length) return;
    this.cancelTell ??= this.deps.clock.after(tellProgramsMs, () => {
      this.cancelTell = null;
      this.companion.changed();
    });
  }

  private enter(state: LocalApiState, error: ErrorData | null = null): void {
    this.state = state;
    this.error = error;
    this.progress = null;
    this.publish();
  }

  private publish(): void {
    this.revision += 1;
    if (!this.disposed) this.onChanged.emit(this.status());
  }
}

/** Without models everything else serves; the error says so. */
async function openModels(models: ModelDoor | null, logger: Logger): Promise<ErrorData | null> {
  try {
    await models?.open();
    return null;
  } catch (error) {
    logger.warn('The local API has no models', { error });
    return toLmError(error).data;
  }
}
