import {
  LmError,
  toLmError,
  type EngineEndpoint,
  type EngineState,
  type ErrorCode,
  type ErrorData,
} from '../../../contract';
import { Emitter, type Clock, type Disposable, type Logger, type Unsubscribe } from '../../foundation';
import type { SettingsService } from '../../settings';
import type {
  ContainerEngine,
  EngineCandidate,
  EngineEvent,
  EngineFinder,
  EngineInformation,
} from '../ports';
import { waitFor } from '../wait';
import { engineWarnings } from './engine-advice';
import { gpuPlan, type GpuPlan } from './gpu-plan';

/** How long one engine may take to say who it is. */
const probeTimeoutMs = 5_000;
/** With the time-out below a dead connection is noticed within 13 s. */
const pingIntervalMs = 5_000;
const pingTimeoutMs = 8_000;
/** Local sockets cost nothing to try, and an engine that comes back shall be seen within seconds. */
const retryDelaysMs = [500, 1_000, 2_000, 3_000];
/**
 * After a loss only the same engine is looked for, for this long: while Docker restarts, Podman beside it must
 * not take its place, where the sandbox would seem to be gone.
 */
const loyaltyMs = 60_000;
/** An engine that ends every stream of events at once is asked again no more often than this. */
const shortestFollowMs = 1_000;

export interface EngineServiceDeps {
  readonly finder: EngineFinder;
  readonly settings: Pick<SettingsService, 'current' | 'onChanged'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Reached {
  readonly engine: ContainerEngine;
  readonly information: EngineInformation;
}

interface Tried {
  readonly endpoint: EngineEndpoint;
  readonly error: ErrorData;
}

interface Failed {
  readonly tried: readonly Tried[];
  readonly error: ErrorData;
}

type UnnumberedState = EngineState extends infer S
  ? S extends EngineState
    ? Omit<S, 'revision'>
    : never
  : never;

/**
 * Finds an engine, keeps to it, and finds it again: one loop of search, follow, wait. Following means reading
 * the engine's events and pinging it; whichever fails first ends it.
 */
export class EngineService implements Disposable {
  readonly onChanged: Emitter<EngineState>;
  /** What happened in the engine. Complete only between two calls of `onResync`. */
  readonly onEvent: Emitter<EngineEvent>;
  /** Events may have been missed until now: everything known of the engine has to be read again. */
  readonly onResync: Emitter<ContainerEngine>;

  private published: EngineState = { state: 'searching', revision: 0 };
  private engine: ContainerEngine | null = null;
  private plan: GpuPlan | null = null;
  private lost: { readonly url: string; readonly untilMs: number } | null = null;
  private running = false;
  private disposed = false;
  /** Ends what the loop is doing now, so that it searches again at once. */
  private restart: AbortController = new AbortController();
  private settledWaiters: (() => void)[] = [];
  private readonly stopWatchingSettings: Unsubscribe;

  constructor(private readonly deps: EngineServiceDeps) {
    let { engineUrl } = deps.settings.current();
    this.stopWatchingSettings = deps.settings.onChanged.on(({ settings }) => {
      if (settings.engineUrl === engineUrl) return;
      engineUrl = settings.engineUrl;
      this.lost = null;
      this.searchAgain();
    });
    const report = (error: unknown) => deps.logger.error('A listener failed', { error });
    this.onChanged = new Emitter(report);
    this.onEvent = new Emitter(report);
    this.onResync = new Emitter(report);
  }

  /** Begins to search; later calls do nothing. */
  start(): void {
    if (this.running || this.disposed) return;
    this.running = true;
    void this.run();
  }

  state(): EngineState {
    return this.published;
  }

  current(): ContainerEngine | null {
    return this.engine;
  }

  /** The engine in use. Throws why there is none: `engine_…`. */
  require(): ContainerEngine {
    if (this.engine) return this.engine;
    if (this.published.state === 'unavailable') throw LmError.fromData(this.published.error);
    throw new LmError('engine_not_running', 'Still looking for a container engine.', { retryable: true });
  }

  /** How this engine gives a container its GPUs; null while there is no engine. */
  gpuPlan(): GpuPlan | null {
    return this.plan;
  }

  /** Searches now, also when one is connected, and gives the state that comes of it. */
  async search(): Promise<EngineState> {
    if (this.disposed) return this.published;
    this.lost = null;
    this.start();
    const settled = new Promise<void>((resolve) => this.settledWaiters.push(resolve));
    this.searchAgain();
    await settled;
    return this.published;
  }

  dispose(): void {
    this.disposed = true;
    this.engine = null;
    this.stopWatchingSettings();
    this.restart.abort();
    this.settle();
    this.onChanged.clear();
    this.onEvent.clear();
    this.onResync.clear();
  }

  private searchAgain(): void {
    const previous = this.restart;
    this.restart = new AbortController();
    previous.abort();
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.disposed) {
      const { signal } = this.restart;
      const attempt = await this.attempt(signal);
      if (this.disposed) return;
      if (signal.aborted) continue;
      const failed =
        'engine' in attempt ? await this.follow(attempt.engine, attempt.information, signal) : attempt;
      if (this.disposed) return;
      if (failed === null) {
        failures = 0;
      } else {
        const delayMs = retryDelaysMs[Math.min(failures, retryDelaysMs.length - 1)] ?? 0;
        failures += 1;
        this.engine = null;
        this.plan = null;
        this.publishUnavailable(failed, this.deps.clock.nowMs() + delayMs);
        this.settle();
        await waitFor(this.deps.clock, delayMs, signal);
      }
    }
  }

  /** All candidates are asked at once, so that one that hangs does not hold up the others. */
  private async attempt(signal: AbortSignal): Promise<Reached | Failed> {
    try {
      const candidates = await this.candidates();
      const attempts = candidates.map((candidate) => this.probe(candidate, signal));
      const tried: Tried[] = [];
      for (const attempt of attempts) {
        const result = await attempt;
        if ('engine' in result) return result;
        tried.push(result);
      }
      return { tried, error: await this.mostTelling(tried.map((entry) => entry.error)) };
    } catch (error) {
      this.deps.logger.error('The search for an engine failed', { error });
      return { tried: [], error: toLmError(error).data };
    }
  }

  private async candidates(): Promise<readonly EngineCandidate[]> {
    const candidates = await this.deps.finder.find(this.deps.settings.current().engineUrl);
    const { lost } = this;
    if (lost === null || this.deps.clock.nowMs() >= lost.untilMs) return candidates;
    const same = candidates.filter((candidate) => candidate.endpoint.url === lost.url);
    return same.length > 0 ? same : candidates;
  }

  private async probe(candidate: EngineCandidate, signal: AbortSignal): Promise<Reached | Tried> {
    try {
      const engine = await candidate.connect({ timeoutMs: probeTimeoutMs, signal });
      return { engine, information: await engine.readInformation() };
    } catch (error) {
      return { endpoint: candidate.endpoint, error: toLmError(error).data };
    }
  }

  /**
   * A socket that is there but closed to this user, or hangs, says more than one that is missing. Where all are
   * missing, it matters whether an engine is installed at all.
   */
  private async mostTelling(errors: readonly ErrorData[]): Promise<ErrorData> {
    const weights: readonly ErrorCode[] = [
      'engine_permission_denied',
      'engine_not_responding',
      'engine_too_old',
      'unsupported',
      'invalid_input',
      'engine_failed',
    ];
    for (const code of weights) {
      const found = errors.find((error) => error.code === code);
      if (found) return found;
    }
    // A chosen address needs no programs on this computer.
    const chosen = this.deps.settings.current().engineUrl !== null || errors.length === 1;
    if (!chosen && !(await this.deps.finder.isInstalled())) {
      return new LmError('engine_not_installed', 'There is no container engine on this computer.', {
        repair: {
          text: 'Install Docker Engine (https://docs.docker.com/engine/install/) or Podman.',
          command: 'sudo apt-get install -y docker.io',
        },
        retryable: true,
      }).data;
    }
    // The candidates come in the order of preference, so the first one is the one people mean.
    return (
      errors[0] ??
      new LmError('engine_not_running', 'No place is known where a container engine could listen.', {
        retryable: true,
      }).data
    );
  }

  /**
   * Resolves when the connection has ended or the search is restarted: with null when the engine was followed,
   * else with why it could not be.
   */
  private async follow(
    engine: ContainerEngine,
    information: EngineInformation,
    restart: AbortSignal,
  ): Promise<Failed | null> {
    const { clock, logger } = this.deps;
    const { endpoint } = engine;
    const over = new AbortController();
    const end = () => over.abort();
    restart.addEventListener('abort', end, { once: true });
    let openedAtMs: number | null = null;
    let dead: ErrorData | null = null;
    const onOpen = () => {
      openedAtMs = clock.nowMs();
      this.engine = engine;
      this.publishConnected(engine, information);
      this.onResync.emit(engine);
      this.settle();
    };
    const stopPinging = this.keepPinging(engine, (error) => {
      dead = error;
      end();
    });
    try {
      await engine.followEvents({
        signal: over.signal,
        onOpen,
        onEvent: (event) => this.onEvent.emit(event),
      });
      logger.info('The stream of engine events ended', { endpoint: endpoint.url });
    } catch (error) {
      logger.warn('The connection to the engine broke', { endpoint: endpoint.url, error });
      if (openedAtMs === null) dead ??= toLmError(error).data;
    } finally {
      stopPinging();
      restart.removeEventListener('abort', end);
    }
    if (!restart.aborted) {
      this.lost = { url: endpoint.url, untilMs: clock.nowMs() + loyaltyMs };
      if (dead !== null) return { tried: [{ endpoint, error: dead }], error: dead };
      // `engine` stays current until the next attempt has failed: streams also end while the engine is well.
      const followedMs = clock.nowMs() - (openedAtMs ?? clock.nowMs());
      if (followedMs < shortestFollowMs) await waitFor(clock, shortestFollowMs - followedMs, restart);
    }
    return null;
  }

  /** An engine that hangs, or a network that drops everything, ends no stream; only a question shows it. */
  private keepPinging(engine: ContainerEngine, onDead: (error: ErrorData) => void): Unsubscribe {
    let cancel: Unsubscribe = () => undefined;
    let stopped = false;
    const schedule = () => {
      cancel = this.deps.clock.after(pingIntervalMs, () => {
        engine.ping(pingTimeoutMs).then(
          () => {
            if (!stopped) schedule();
          },
          (error: unknown) => {
            if (stopped) return;
            this.deps.logger.warn('The engine did not answer a ping', { error });
            onDead(toLmError(error).data);
          },
        );
      });
    };
    schedule();
    return () => {
      stopped = true;
      cancel();
    };
  }

  private publishConnected(engine: ContainerEngine, information: EngineInformation): void {
    const { cdiDevices, ...facts } = information;
    const plan = gpuPlan({ ...facts, cdiDevices });
    this.plan = plan;
    this.publish({
      state: 'connected',
      endpoint: engine.endpoint,
      facts: { ...facts, gpu: plan.gpu, warnings: engineWarnings(information) },
      sinceMs: this.deps.clock.nowMs(),
    });
  }

  private publishUnavailable(failed: Failed, retryAtMs: number): void {
    this.publish({ state: 'unavailable', error: failed.error, tried: [...failed.tried], retryAtMs });
  }

  private publish(state: UnnumberedState): void {
    this.published = { ...state, revision: this.published.revision + 1 };
    this.onChanged.emit(this.published);
  }

  private settle(): void {
    const waiters = this.settledWaiters;
    this.settledWaiters = [];
    for (const waiter of waiters) waiter();
  }
}
