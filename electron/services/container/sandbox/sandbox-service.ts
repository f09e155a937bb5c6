import { randomBytes } from 'node:crypto';
import {
  LmError,
  toLmError,
  type ErrorData,
  type GpuChoice,
  type ImageFacts,
  type SandboxOperation,
  type SandboxStatus,
  type Settings,
} from '../../../contract';
import { Emitter, type Clock, type Disposable, type Logger, type Unsubscribe } from '../../foundation';
import type { SettingsService } from '../../settings';
import type { EngineService } from '../engine';
import { gatewayPort, imageRevisionLabel, modelsPath, workspacePath } from '../labels';
import type {
  AdoptionStore,
  ContainerEngine,
  ContainerInspection,
  EngineEvent,
  GatewayHealth,
  ImageInspection,
} from '../ports';
import type { RunningContainer, RunningContainerSource } from '../running-container';
import { gpuOf, hostPortOf, isMadeByUs, outdatedReasons, toContainerFacts, tokenOf } from './container-facts';
import { containerOptions, stopGraceSeconds } from './container-options';
import { derivePhase, type Ending } from './derive-phase';
import { GatewayWatch } from './gateway-watch';
import { findReplaced, replacedName } from './replaced-containers';

const failureLines = 20;

export interface SandboxServiceDeps {
  readonly engines: EngineService;
  readonly settings: Pick<SettingsService, 'current' | 'onChanged' | 'update'>;
  readonly gatewayHealth: GatewayHealth;
  readonly adoption: AdoptionStore;
  /** Hash of what an image built now would be built from. */
  readonly imageRevision: () => Promise<string>;
  /** Told when a container was removed, for it may have been the last one of an image that was replaced. */
  readonly onImageReleased: (imageId: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is known since the last look at the engine. */
interface Look {
  readonly container: ContainerInspection | null;
  readonly image: ImageFacts;
}

const nothingSeen: Look = { container: null, image: { state: 'unknown' } };

/**
 * The sandbox container: what it is now, always by asking the engine (after every event and every new
 * connection), and the operations on it, one at a time.
 */
export class SandboxService implements RunningContainerSource, Disposable {
  readonly onStatusChanged: Emitter<SandboxStatus>;
  private readonly onRunningChanged: Emitter<RunningContainer | null>;
  private readonly gateway: GatewayWatch;
  private readonly subscriptions: Unsubscribe[];
  private readonly adoptedRead: Promise<void>;
  private adoptedId: string | null = null;
  private look = nothingSeen;
  private operation: SandboxOperation | null = null;
  private operationError: ErrorData | null = null;
  /** How each run known to have ended did so; by run, so that a new run starts without a past. */
  private ending: { readonly runId: string; readonly ending: Ending } | null = null;
  private lastLines: { readonly runId: string; readonly lines: readonly string[] } | null = null;
  /** Something may have happened of which no event told. */
  private missedEvents = false;
  /** A container that was put aside waits for what becomes of the one in its place. */
  private replacedLeft = false;
  private looking: Promise<void> | null = null;
  private lookAgain = false;
  private published: SandboxStatus = {
    revision: 0,
    phase: 'unknown',
    operation: null,
    container: null,
    image: { state: 'unknown' },
    parts: [],
    error: null,
  };
  private publishedRunning: RunningContainer | null = null;
  private disposed = false;

  constructor(private readonly deps: SandboxServiceDeps) {
    const report = (error: unknown) => deps.logger.error('A listener failed', { error });
    this.onStatusChanged = new Emitter(report);
    this.onRunningChanged = new Emitter(report);
    this.gateway = new GatewayWatch({ health: deps.gatewayHealth, clock: deps.clock }, report);
    this.adoptedRead = deps.adoption.read().then((id) => {
      this.adoptedId = id;
    });
    this.subscriptions = [
      deps.engines.onResync.on(() => {
        this.missedEvents = true;
        void this.refresh();
      }),
      deps.engines.onChanged.on(() => this.publish()),
      deps.engines.onEvent.on((event) => this.onEngineEvent(event)),
      deps.settings.onChanged.on(() => void this.refresh()),
      this.gateway.onChanged.on(() => this.publish()),
    ];
  }

  status(): SandboxStatus {
    return this.published;
  }

  current(): RunningContainer | null {
    return this.publishedRunning;
  }

  require(): RunningContainer {
    if (this.publishedRunning) return this.publishedRunning;
    this.deps.engines.require();
    const repair = { text: 'Start the sandbox.' };
    if (this.published.container === null) {
      throw new LmError('container_missing', 'There is no sandbox yet.', {
        repair: { text: 'Create the sandbox.' },
      });
    }
    throw new LmError('container_not_running', 'The sandbox is not running.', { repair });
  }

  onChanged(listener: (running: RunningContainer | null) => void): Unsubscribe {
    return this.onRunningChanged.on(listener);
  }

  /** Creates the container from the settings and starts it. What was half made is removed when that fails. */
  create(gpu: GpuChoice): Promise<SandboxStatus> {
    return this.perform('create', async (engine) => {
      const existing = await engine.inspectContainer(this.settings.containerName);
      if (existing) throw this.nameTaken(existing);
      await this.createAndStart(engine, gpu);
      await this.keepChoice(gpu);
    });
  }

  /** Takes over a container that this app did not make, if it can serve as the sandbox and is no danger. */
  adopt(): Promise<SandboxStatus> {
    return this.perform('adopt', async (engine) => {
      const container = await this.requireAny(engine);
      if (this.isOurs(container)) return;
      const obstacles = adoptionObstacles(container);
      if (obstacles.length > 0) {
        throw new LmError(
          'container_failed',
          `The container "${container.name}" cannot be taken over. ${obstacles.join(' ')}`,
          {
            details: { obstacles: obstacles.join('\n') },
            repair: {
              text: 'Rename it, then create the sandbox.',
              command: `docker rename ${container.name} ${container.name}-old`,
            },
          },
        );
      }
      await this.deps.adoption.write(container.id);
      this.adoptedId = container.id;
    });
  }

  start(): Promise<SandboxStatus> {
    return this.perform('start', async (engine) => {
      const container = await this.requireOurs(engine);
      await this.startOrExplain(engine, container.id, () => {
        // One that never ran holds nothing, and would keep its wrong options for ever.
        const isHalfMade = container.startedAtMs === null && isMadeByUs(container);
        return isHalfMade ? engine.removeContainer(container.id) : Promise.resolve();
      });
    });
  }

  stop(): Promise<SandboxStatus> {
    return this.perform('stop', async (engine) => this.stopContainer(engine, await this.requireOurs(engine)));
  }

  restart(): Promise<SandboxStatus> {
    return this.perform('restart', async (engine) => {
      const container = await this.requireOurs(engine);
      await this.stopContainer(engine, container);
      await this.startOrExplain(engine, container.id, () => Promise.resolve());
    });
  }

  /**
   * Replaces the container by one of the settings of now. The old one is put aside until the new one runs, and
   * comes back when that fails.
   */
  recreate(gpu: GpuChoice): Promise<SandboxStatus> {
    return this.perform('recreate', async (engine) => {
      const old = await engine.inspectContainer(this.settings.containerName);
      if (old === null) {
        await this.createAndStart(engine, gpu);
        await this.keepChoice(gpu);
        return;
      }
      if (!this.isOurs(old)) throw this.nameTaken(old);
      await this.prepare(engine, gpu);
      await this.stopContainer(engine, old);
      await engine.renameContainer(old.id, replacedName(old));
      try {
        await this.createAndStart(engine, gpu);
      } catch (error) {
        await this.bringBack(engine, old);
        throw error;
      }
      await this.removeContainer(engine, old);
      await this.keepChoice(gpu);
    });
  }

  /** Removes the container, and only when asked to also the volumes with the workspace and the models. */
  remove(removeVolumes: boolean): Promise<SandboxStatus> {
    return this.perform('remove', async (engine) => {
      const container = await engine.inspectContainer(this.settings.containerName);
      if (container === null && !removeVolumes) throw containerMissing();
      if (container) {
        if (!this.isOurs(container)) throw this.nameTaken(container);
        await this.stopContainer(engine, container);
        await this.removeContainer(engine, container);
        if (container.id === this.adoptedId) {
          this.adoptedId = null;
          await this.deps.adoption.write(null);
        }
      }
      for (const replaced of await this.findReplaced(engine)) await this.removeContainer(engine, replaced);
      if (!removeVolumes) return;
      for (const name of volumesOf(container, this.settings)) await engine.removeVolume(name);
    });
  }

  /** Asks the engine anew; resolves when the answer is published. */
  refresh(): Promise<void> {
    if (this.looking) {
      // What changed since that look began may not be in it.
      this.lookAgain = true;
      return this.looking;
    }
    this.looking = this.lookUntilCurrent().finally(() => (this.looking = null));
    return this.looking;
  }

  dispose(): void {
    this.disposed = true;
    for (const unsubscribe of this.subscriptions.splice(0)) unsubscribe();
    this.gateway.dispose();
    this.onStatusChanged.clear();
    this.onRunningChanged.clear();
  }

  private get settings(): Settings {
    return this.deps.settings.current();
  }

  // ---- Operations ------------------------------------------------------------------------------------

  private async perform(
    operation: SandboxOperation,
    work: (engine: ContainerEngine) => Promise<void>,
  ): Promise<SandboxStatus> {
    if (this.operation) {
      throw new LmError('conflict', `The sandbox is busy (${this.operation}). Wait until that has ended.`, {
        details: { operation: this.operation },
        retryable: true,
      });
    }
    const engine = this.deps.engines.require();
    this.operation = operation;
    this.publish();
    try {
      await this.adoptedRead;
      await work(engine);
      this.operationError = null;
    } catch (error) {
      const failure = toLmError(error);
      if (failure.code === 'internal') this.deps.logger.error(`The operation ${operation} failed`, { error });
      this.operationError = failure.data;
      throw failure;
    } finally {
      await this.settleReplaced(engine);
      await this.refresh();
      this.operation = null;
      this.publish();
    }
    return this.published;
  }

  /** Everything that can be known to go wrong before anything is changed. */
  private async prepare(engine: ContainerEngine, gpu: GpuChoice): Promise<void> {
    const { settings } = this;
    const image = await engine.inspectImage(settings.imageName);
    if (image === null) {
      throw new LmError('image_missing', `The image ${settings.imageName} has not been built yet.`, {
        repair: { text: 'Build the image.' },
      });
    }
    if (runsAsRoot(image)) {
      throw new LmError(
        'container_failed',
        `The image ${settings.imageName} runs its programs as root, so lm-sandbox did not make it.`,
        { repair: { text: 'Build the image again, or choose another image name in the settings.' } },
      );
    }
    const plan = this.deps.engines.gpuPlan();
    if (gpu === 'all' && plan?.gpu.error) throw LmError.fromData(plan.gpu.error);
  }

  private async createAndStart(engine: ContainerEngine, gpu: GpuChoice): Promise<void> {
    await this.prepare(engine, gpu);
    const { settings } = this;
    const token = randomBytes(32).toString('base64url');
    const options = containerOptions(settings, gpu, this.deps.engines.gpuPlan(), token);
    const id = await engine.createContainer(settings.containerName, options);
    await this.startOrExplain(engine, id, () => engine.removeContainer(id));
  }

  /** The setting says what the next container begins with: what this one has, once it runs. */
  private async keepChoice(gpu: GpuChoice): Promise<void> {
    if (this.settings.gpu !== gpu) await this.deps.settings.update({ gpu });
  }

  private async startOrExplain(
    engine: ContainerEngine,
    id: string,
    cleanUp: () => Promise<void>,
  ): Promise<void> {
    try {
      await engine.startContainer(id);
    } catch (error) {
      const explained = await this.explainStart(engine, toLmError(error));
      await cleanUp().catch((failure: unknown) =>
        this.deps.logger.error('A half-made container could not be removed', { error: failure }),
      );
      throw explained;
    }
  }

  /** Finds out who has the port. */
  private async explainStart(engine: ContainerEngine, error: LmError): Promise<LmError> {
    if (error.code !== 'port_in_use') return error;
    const port = this.settings.hostPort;
    const owners = await engine.containersPublishing(port).catch(() => []);
    const owner = owners.find((name) => name !== this.settings.containerName);
    const holder = owner ? `the container "${owner}"` : 'another program';
    return new LmError('port_in_use', `Port ${port} on this computer is already used by ${holder}.`, {
      details: { ...error.data.details, port, container: owner ?? null },
      repair: {
        text: 'Stop it, or choose another port in the settings.',
        command: owner ? `docker stop ${owner}` : `sudo ss -ltnp "sport = :${port}"`,
      },
      retryable: true,
      cause: error,
    });
  }

  private async stopContainer(engine: ContainerEngine, container: ContainerInspection): Promise<void> {
    this.ending = { runId: runIdOf(container), ending: 'requested' };
    await engine.stopContainer(container.id, stopGraceSeconds);
  }

  private async removeContainer(engine: ContainerEngine, container: ContainerInspection): Promise<void> {
    await engine.removeContainer(container.id);
    this.deps.onImageReleased(container.imageId);
  }

  private async bringBack(engine: ContainerEngine, old: ContainerInspection): Promise<void> {
    try {
      await engine.renameContainer(old.id, old.name);
      if (old.state === 'running') await engine.startContainer(old.id);
    } catch (error) {
      this.deps.logger.error('The earlier container could not be brought back', { error, container: old.id });
    }
  }

  /**
   * Ends what a recreation left that was cut off, by a crash for example: once the new container has run, the one put
   * aside goes; where there is no new one, it comes back. While a new one was made and not started, both stay.
   */
  private async settleReplaced(engine: ContainerEngine): Promise<void> {
    try {
      const replaced = await this.findReplaced(engine);
      const [last] = replaced;
      this.replacedLeft = last !== undefined;
      if (!last) return;
      const container = await engine.inspectContainer(this.settings.containerName);
      if (container === null) {
        await engine.renameContainer(last.id, this.settings.containerName);
        this.ending = { runId: runIdOf(last), ending: 'requested' };
        this.operationError ??= recreationInterrupted().data;
      } else if (container.startedAtMs !== null && this.isOurs(container)) {
        for (const each of replaced) await this.removeContainer(engine, each);
        this.replacedLeft = false;
      }
    } catch (error) {
      // It is there still, so the next look tries again.
      this.replacedLeft = true;
      this.deps.logger.warn('A container that was put aside could not be dealt with', { error });
    }
  }

  private async findReplaced(engine: ContainerEngine): Promise<readonly ContainerInspection[]> {
    const found = await findReplaced(engine, this.settings.containerName);
    return found.filter((container) => this.isOurs(container));
  }

  private async requireAny(engine: ContainerEngine): Promise<ContainerInspection> {
    const container = await engine.inspectContainer(this.settings.containerName);
    if (container) return container;
    throw containerMissing();
  }

  private async requireOurs(engine: ContainerEngine): Promise<ContainerInspection> {
    const container = await this.requireAny(engine);
    if (this.isOurs(container)) return container;
    throw this.nameTaken(container);
  }

  private isOurs(container: ContainerInspection): boolean {
    return isMadeByUs(container) || container.id === this.adoptedId;
  }

  private nameTaken(container: ContainerInspection): LmError {
    if (this.isOurs(container)) {
      return new LmError('name_in_use', 'The sandbox exists already.', {
        details: { containerId: container.id },
        repair: { text: 'Start it, or recreate it.' },
      });
    }
    const { error } = derivePhase({ ...this.observe(container), connected: true, ours: false });
    return error ? LmError.fromData(error) : new LmError('name_in_use', 'The name of the sandbox is taken.');
  }

  // ---- Looking ---------------------------------------------------------------------------------------

  private onEngineEvent(event: EngineEvent): void {
    if (
      event.type === 'daemon' ||
      /^(exec_|top$|resize$|attach$|archive-path$|extract-to-dir$)/.test(event.action)
    )
      return;
    const { container } = this.look;
    const isOurs =
      event.type === 'image' || event.id === container?.id || event.name === this.settings.containerName;
    if (!isOurs) return;
    if (container && event.id === container.id) this.noteEnding(container, event.action);
    void this.refresh();
  }

  private noteEnding(container: ContainerInspection, action: string): void {
    const runId = runIdOf(container);
    const known = this.ending?.runId === runId ? this.ending.ending : null;
    if (action === 'oom') this.ending = { runId, ending: 'out-of-memory' };
    // The engine reports `kill` for every signal somebody sent, and none for the kernel's.
    if ((action === 'kill' || action === 'stop') && known === null)
      this.ending = { runId, ending: 'from-outside' };
  }

  private noteMissedEnding(container: ContainerInspection | null): void {
    const before = this.look.container;
    const missed = this.missedEvents;
    this.missedEvents = false;
    if (!missed || before?.state !== 'running' || !container || container.state === 'running') return;
    const runId = runIdOf(before);
    if (runIdOf(container) !== runId || this.ending?.runId === runId) return;
    this.ending = { runId, ending: 'out-of-sight' };
  }

  private async lookUntilCurrent(): Promise<void> {
    do {
      this.lookAgain = false;
      const engine = this.deps.engines.current();
      if (!engine || this.disposed) break;
      try {
        await this.lookOnce(engine);
      } catch (error) {
        // The engine service notices a broken connection itself and asks for a resync after it.
        this.deps.logger.warn('The sandbox could not be looked at', { error });
      }
    } while (this.lookAgain);
    this.publish();
  }

  private async lookOnce(engine: ContainerEngine): Promise<void> {
    await this.adoptedRead;
    const { containerName, imageName } = this.settings;
    if (this.operation === null && (this.missedEvents || this.replacedLeft))
      await this.settleReplaced(engine);
    const [container, image] = await Promise.all([
      engine.inspectContainer(containerName),
      engine.inspectImage(imageName),
    ]);
    this.noteMissedEnding(container);
    if (container) await this.readFailureLines(engine, container);
    this.look = { container, image: await this.toImageFacts(imageName, image) };
    this.gateway.follow(this.gatewayTarget());
  }

  private async toImageFacts(reference: string, image: ImageInspection | null): Promise<ImageFacts> {
    if (image === null) return { state: 'missing', reference };
    return {
      state: 'present',
      reference,
      id: image.id,
      sizeBytes: image.sizeBytes,
      createdAtMs: image.createdAtMs,
      current: await this.isCurrent(image),
    };
  }

  private async isCurrent(image: ImageInspection): Promise<boolean> {
    try {
      return image.labels[imageRevisionLabel] === (await this.deps.imageRevision());
    } catch (error) {
      // Without the files to compare with there is no newer image to offer either.
      this.deps.logger.error("The image's own files cannot be read", { error });
      return true;
    }
  }

  private async readFailureLines(engine: ContainerEngine, container: ContainerInspection): Promise<void> {
    const runId = runIdOf(container);
    const failed = container.state === 'exited' && container.exitCode !== 0 && container.exitCode !== null;
    if (!failed || this.lastLines?.runId === runId || this.ending?.runId === runId) return;
    const lines = await engine.readLogTail(container.id, failureLines).catch(() => []);
    this.lastLines = { runId, lines };
  }

  private gatewayTarget() {
    const running = this.toRunning();
    return running && { runId: running.runId, url: running.gatewayUrl, token: running.gatewayToken };
  }

  private toRunning(): RunningContainer | null {
    const { container } = this.look;
    if (!this.deps.engines.current() || container?.state !== 'running' || !this.isOurs(container))
      return null;
    const gatewayToken = tokenOf(container);
    const port = hostPortOf(container);
    if (gatewayToken === null || port === null) return null;
    return {
      containerId: container.id,
      runId: runIdOf(container),
      gatewayUrl: `http://127.0.0.1:${port}`,
      gatewayToken,
      gpuChoice: gpuOf(container).choice,
    };
  }

  // ---- Publishing ------------------------------------------------------------------------------------

  private observe(container: ContainerInspection | null) {
    const runId = container && runIdOf(container);
    const gateway = this.gateway.current();
    return {
      // An engine that has just been found was not looked at yet: "no container" would be a guess.
      connected: this.deps.engines.current() !== null && this.look !== nothingSeen,
      operation: this.operation,
      container,
      ours: container !== null && this.isOurs(container),
      ending: this.ending?.runId === runId ? (this.ending?.ending ?? 'unknown') : 'unknown',
      gateway: gateway.status,
      gatewayError: gateway.error,
      lastLines: this.lastLines?.runId === runId ? (this.lastLines?.lines ?? []) : [],
    } as const;
  }

  private publish(): void {
    if (this.disposed) return;
    const { engines } = this.deps;
    const look = engines.current() ? this.look : nothingSeen;
    const { container } = look;
    const derived = derivePhase(this.observe(container));
    const ours = container !== null && this.isOurs(container);
    const outdated = container
      ? outdatedReasons(container, look.image, this.settings, engines.gpuPlan())
      : [];
    const running = this.toRunning();
    const status: SandboxStatus = {
      revision: this.published.revision,
      phase: derived.phase,
      operation: this.operation,
      container: container && toContainerFacts(container, ours, outdated),
      image: look.image,
      parts: running ? [...this.gateway.current().parts] : [],
      error: this.operationError ?? derived.error,
    };
    if (JSON.stringify(status) !== JSON.stringify(this.published)) {
      this.published = { ...status, revision: status.revision + 1 };
      this.onStatusChanged.emit(this.published);
    }
    if (JSON.stringify(running) !== JSON.stringify(this.publishedRunning)) {
      this.publishedRunning = running;
      this.onRunningChanged.emit(running);
    }
  }
}

function runIdOf(container: ContainerInspection): string {
  return `${container.id}:${container.startedAtMs ?? 'never'}`;
}

function recreationInterrupted(): LmError {
  return new LmError(
    'container_failed',
    'Recreating the sandbox was interrupted, so the earlier one was put back.',
    { repair: { text: 'Start it, or recreate it again.' } },
  );
}

function containerMissing(): LmError {
  return new LmError('container_missing', 'There is no sandbox.', {
    repair: { text: 'Create the sandbox.' },
  });
}

/** Dockerfile's USER is a name or number, with or without a group. */
function runsAsRoot(image: ImageInspection): boolean {
  const user = image.user.split(':')[0] ?? '';
  return user === '' || user === 'root' || /^0+$/.test(user);
}

function adoptionObstacles(container: ContainerInspection): string[] {
  const obstacles = [...container.risks];
  const port = container.publishedPorts.find((candidate) => candidate.containerPort === gatewayPort);
  if (!port) obstacles.push('It publishes no gateway (port 8000).');
  else if (port.hostAddress !== '127.0.0.1')
    obstacles.push('Its gateway is open to the network, not only to this computer.');
  if (tokenOf(container) === null) obstacles.push('Its gateway has no access token (LM_API_TOKEN).');
  return obstacles;
}

function volumesOf(container: ContainerInspection | null, settings: Settings): string[] {
  const mounted = container?.volumes
    .filter((volume) => volume.path === workspacePath || volume.path === modelsPath)
    .map((volume) => volume.name);
  return mounted ?? [settings.workspaceVolume, settings.modelsVolume];
}
