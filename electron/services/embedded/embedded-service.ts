import { randomUUID } from 'node:crypto';
import {
  LmError,
  toLmError,
  type EmbeddedState,
  type EmbeddedStatus,
  type ErrorData,
  type Settings,
} from '../../contract';
import { Emitter, type Clock, type Disposable, type Logger } from '../foundation';
import type { SettingsService } from '../settings';
import type { Pty, PtyBackend, PtyEnd, PtyProgram, TerminalSize } from '../terminal';
import type {
  EmbeddedRuntime,
  EmbeddedWishes,
  Launch,
  LaunchRequest,
  LocalPty,
  PreparedPlace,
  PtyLauncher,
} from './ports';
import { nextEmbeddedState, type EmbeddedEvent } from './transitions';

export interface EmbeddedServiceDeps {
  readonly settings: Pick<SettingsService, 'current' | 'update' | 'onChanged'>;
  readonly runtime: EmbeddedRuntime;
  readonly ptys: PtyLauncher;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One start of the embedded sandbox, for those who follow it. */
export interface EmbeddedRun {
  readonly runId: string;
  /** Process ids, on this computer, of everything that was launched and has not ended, by whomever. */
  readonly processIds: () => readonly number[];
}

/** Programs that somebody else starts in the sandbox. */
export interface OtherPrograms {
  /** Process ids, on this computer, of those that run now: of each what was launched. */
  readonly processIds: () => readonly number[];
  /** Awaited by each stop, while programs can no longer be started. */
  readonly end: () => Promise<void>;
}

export interface EmbeddedCompanion {
  /** Other programs run. */
  changed(): void;
  leave(): void;
}

/**
 * The sandbox that needs no engine: shells and commands of this computer, each in a bubblewrap of its own, or on
 * the computer itself once the person has agreed to that. Nothing of it runs, and nothing is looked for, while the
 * settings name the container.
 */
export class EmbeddedService implements PtyBackend, Disposable {
  readonly onChanged: Emitter<EmbeddedStatus>;
  readonly onRunChanged: Emitter<EmbeddedRun | null>;
  private state: EmbeddedState = 'off';
  private revision = 0;
  private place: PreparedPlace | null = null;
  private isolation: EmbeddedStatus['isolation'] = { kind: 'unknown' };
  private wishes: EmbeddedWishes;
  private run: (EmbeddedRun & { readonly startedAtMs: number }) | null = null;
  private error: ErrorData | null = null;
  private readonly companions = new Set<OtherPrograms>();
  private readonly live = new Map<number, Launch>();
  /** Shells that end because the sandbox does. */
  private readonly stopped = new WeakSet<LocalPty>();
  private readonly shells = new Set<LocalPty>();
  private working: Promise<unknown> = Promise.resolve();
  private readonly stopFollowing: () => void;
  private wantedPlace: Settings['sandboxPlace'];
  private disposed = false;

  constructor(private readonly deps: EmbeddedServiceDeps) {
    const report = (error: unknown) => deps.logger.error('A listener failed', { error });
    this.onChanged = new Emitter(report);
    this.onRunChanged = new Emitter(report);
    const settings = deps.settings.current();
    this.wishes = wishesOf(settings);
    this.wantedPlace = settings.sandboxPlace;
    this.stopFollowing = deps.settings.onChanged.on((state) => this.followPlace(state.settings));
    if (this.wantedPlace === 'embedded') void this.start().catch(ignore);
  }

  status(): EmbeddedStatus {
    const { runtime } = this.deps;
    const isolated = this.isolation.kind !== 'none';
    const { folders } = runtime;
    const inside = isolated ? runtime.inside : folders;
    return {
      revision: this.revision,
      state: this.state,
      isolation: this.isolation,
      network: this.isolation.kind === 'none' || this.network,
      limits: this.place?.limits ?? null,
      home: { folder: folders.home, inside: inside.home },
      workspace: { folder: folders.workspace, inside: inside.workspace },
      startedAtMs: this.run?.startedAtMs ?? null,
      running: this.processIds().length,
      error: this.error,
    };
  }

  /** The run under way; null while no program can be started. */
  current(): EmbeddedRun | null {
    return this.run;
  }

  /** Throws `sandbox_not_running`, with what to do, unless programs can be started. */
  requireRun(): EmbeddedRun {
    if (this.run) return this.run;
    throw this.notRunning();
  }

  start(): Promise<EmbeddedStatus> {
    return this.inTurn(() => this.startNow());
  }

  stop(): Promise<EmbeddedStatus> {
    return this.inTurn(() => this.stopNow());
  }

  restart(): Promise<EmbeddedStatus> {
    return this.inTurn(async () => {
      await this.stopNow();
      return this.startNow();
    });
  }

  /** The person's yes to programs that nothing isolates. */
  consent(remember: boolean): Promise<EmbeddedStatus> {
    return this.inTurn(async () => {
      const { isolation } = this;
      if (this.state !== 'needs-consent' || isolation.kind !== 'none') {
        throw new LmError('conflict', 'The embedded sandbox does not ask for this now.');
      }
      if (remember) await this.deps.settings.update({ embeddedWithoutIsolation: true });
      this.place = await this.deps.runtime.withoutIsolation(this.wishes, isolation);
      this.enterRun('consented');
      return this.status();
    });
  }

  /** Keeps the choice; what runs is ended and the sandbox started anew where it has to be. */
  setNetwork(network: boolean): Promise<EmbeddedStatus> {
    return this.inTurn(async () => {
      await this.deps.settings.update({ embeddedNetwork: network });
      const applies = this.place?.isolation.kind === 'bubblewrap' && this.wishes.network !== network;
      if (applies) {
        await this.stopNow();
        return this.startNow();
      }
      this.publish();
      return this.status();
    });
  }

  /** How a program is started inside; the caller starts it and tells `track`. Throws `sandbox_not_running`. */
  launch(request: LaunchRequest): Launch {
    if (!this.place || !this.run) throw this.notRunning();
    return this.place.launch(request);
  }

  /** Has a started program ended with the sandbox. Call the returned function when it has ended by itself. */
  track(processId: number, launch: Launch): () => void {
    this.live.set(processId, launch);
    this.publish();
    return () => {
      if (this.live.delete(processId)) this.publish();
    };
  }

  /** Ends the programs of a launch; resolves when none of them is alive. */
  end(processId: number, launch: Launch): Promise<void> {
    return this.deps.runtime.end(processId, launch);
  }

  /** Resolves when no operation is under way, such as the start that comes with the host's. */
  async settled(): Promise<void> {
    await this.working;
  }

  /** Somebody else starts programs in the sandbox, too. */
  accompany(others: OtherPrograms): EmbeddedCompanion {
    this.companions.add(others);
    return {
      changed: () => this.publish(),
      leave: () => void this.companions.delete(others),
    };
  }

  /** A shell, or a program on a terminal; rejects with `sandbox_not_running`. */
  async open(size: TerminalSize, program?: PtyProgram): Promise<Pty> {
    const run = this.requireRun();
    const launch = this.launch({ command: null, ...program, terminal: true });
    const place = this.place?.isolation.kind === 'bubblewrap' ? 'embedded' : 'unisolated';
    const pty = await this.deps.ptys.open(size, launch, place);
    const forget = this.track(pty.processId, launch);
    this.shells.add(pty);
    pty.onEnd(() => {
      this.shells.delete(pty);
      forget();
    });
    if (this.run?.runId !== run.runId) {
      await this.deps.runtime.end(pty.processId, launch);
      throw this.notRunning();
    }
    return this.asTerminal(pty, launch);
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.stopFollowing();
    await this.stop().catch((error: unknown) =>
      this.deps.logger.error('The embedded sandbox did not stop', { error }),
    );
    this.disposed = true;
    this.onChanged.clear();
    this.onRunChanged.clear();
  }

  private processIds(): number[] {
    return [...this.live.keys(), ...[...this.companions].flatMap((others) => others.processIds())];
  }

  private get network(): boolean {
    return this.run ? this.wishes.network : this.deps.settings.current().embeddedNetwork;
  }

  private asTerminal(pty: LocalPty, launch: Launch): Pty {
    return {
      place: pty.place,
      onData: (listener) => pty.onData(listener),
      onEnd: (listener) => pty.onEnd((end) => listener(this.stopped.has(pty) ? stoppedEnd() : end)),
      write: (bytes) => pty.write(bytes),
      resize: (size) => pty.resize(size),
      pause: () => pty.pause(),
      resume: () => pty.resume(),
      kill: () => this.deps.runtime.end(pty.processId, launch),
    };
  }

  private followPlace({ sandboxPlace }: Settings): void {
    if (sandboxPlace === this.wantedPlace) return;
    this.wantedPlace = sandboxPlace;
    const change = sandboxPlace === 'embedded' ? this.start() : this.stop();
    change.catch(ignore);
  }

  private async startNow(): Promise<EmbeddedStatus> {
    if (this.disposed) throw new LmError('cancelled', 'The host is shutting down.');
    // Asked twice, by a page and by the change of the settings: the second finds it done.
    if (this.state === 'ready') return this.status();
    const { runtime, settings } = this.deps;
    this.error = null;
    this.isolation = { kind: 'unknown' };
    this.wishes = wishesOf(settings.current());
    this.enter('start');
    try {
      await runtime.prepareFolders();
      this.place = await runtime.tryBubblewrap(this.wishes);
      this.isolation = this.place.isolation;
      this.enterRun('isolated');
    } catch (error) {
      const known = toLmError(error);
      if (known.code === 'isolation_missing' || known.code === 'isolation_refused') {
        const isolation = { kind: 'none' as const, reason: known.data };
        this.isolation = isolation;
        if (settings.current().embeddedWithoutIsolation) {
          this.place = await runtime.withoutIsolation(this.wishes, isolation);
          this.enterRun('consented');
        } else {
          this.enter('not-isolated');
        }
      } else {
        this.deps.logger.error('The embedded sandbox did not start', { error });
        this.error = known.data;
        this.enter('failed');
      }
    }
    return this.status();
  }

  private async stopNow(): Promise<EmbeddedStatus> {
    if (this.state === 'off') return this.status();
    this.run = null;
    this.enter('stop');
    this.onRunChanged.emit(null);
    for (const shell of this.shells) this.stopped.add(shell);
    try {
      await Promise.all([...this.companions].map((others) => others.end()));
      await Promise.all(
        [...this.live].map(([processId, launch]) => this.deps.runtime.end(processId, launch)),
      );
      this.live.clear();
      await this.place?.release();
      await this.deps.runtime.clearTemporaryFiles();
      this.place = null;
      this.isolation = { kind: 'unknown' };
      this.error = null;
      this.enter('stopped');
    } catch (error) {
      this.deps.logger.error('The embedded sandbox did not stop', { error });
      this.error = toLmError(error).data;
      this.enter('failed');
    }
    return this.status();
  }

  private enterRun(event: EmbeddedEvent): void {
    this.run = {
      runId: randomUUID(),
      processIds: () => this.processIds(),
      startedAtMs: this.deps.clock.nowMs(),
    };
    this.enter(event);
    this.onRunChanged.emit(this.run);
  }

  private enter(event: EmbeddedEvent): void {
    const next = nextEmbeddedState(this.state, event);
    if (!next) {
      throw new LmError('conflict', `The embedded sandbox is ${this.state}; this cannot be done now.`);
    }
    this.state = next;
    this.publish();
  }

  private publish(): void {
    this.revision += 1;
    if (!this.disposed) this.onChanged.emit(this.status());
  }

  /** One operation after the other. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.working.then(work);
    this.working = turn.catch(ignore);
    return turn;
  }

  private notRunning(): LmError {
    if (this.state === 'needs-consent') {
      return new LmError(
        'sandbox_not_running',
        'Nothing isolates the embedded sandbox here, and you have not said that this is all right.',
        { repair: { text: 'Answer the question in the sandbox view.' } },
      );
    }
    return new LmError('sandbox_not_running', 'The embedded sandbox is not running.', {
      repair: { text: 'Start it in the sandbox view.' },
      retryable: true,
    });
  }
}

function wishesOf(settings: Settings): EmbeddedWishes {
  return {
    network: settings.embeddedNetwork,
    processes: settings.pidsLimit,
    memoryBytes: settings.memoryLimitBytes,
    cpus: settings.cpuLimit,
  };
}

function stoppedEnd(): PtyEnd {
  const error = new LmError('sandbox_not_running', 'The sandbox was stopped, and this shell with it.', {
    repair: { text: 'Open a new terminal when the sandbox runs again.' },
  });
  return { kind: 'lost', error };
}

/** Told through the status already. */
function ignore(): void {}
