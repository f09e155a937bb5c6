import {
  defaultSettings,
  LmError,
  type EngineEndpoint,
  type Settings,
  type SettingsState,
} from '../../contract';
import { Emitter } from '../foundation';
import { managedLabel, tokenVariable } from './labels';
import type {
  BuildEvent,
  BuildRequest,
  ContainerEngine,
  ContainerInspection,
  ContainerOptions,
  EngineCandidate,
  EngineEvent,
  EngineFinder,
  EngineInformation,
  ImageInspection,
} from './ports';

export function information(changes: Partial<EngineInformation> = {}): EngineInformation {
  return {
    product: 'docker',
    version: '29.7.2',
    apiVersion: '1.55',
    operatingSystem: 'Ubuntu 24.04',
    kernelVersion: '6.8.0',
    architecture: 'x86_64',
    cpus: 8,
    memoryBytes: 32e9,
    cgroupVersion: '2',
    storageDriver: 'overlayfs',
    rootDirectory: '/var/lib/docker',
    rootless: false,
    securityOptions: ['name=seccomp,profile=builtin'],
    runcVersion: '1.4.3',
    containerdVersion: '2.3.3',
    warnings: [],
    cdiDevices: [],
    ...changes,
  };
}

export function inspection(changes: Partial<ContainerInspection> = {}): ContainerInspection {
  return {
    id: 'c1',
    name: 'lm_container',
    imageId: 'sha256:image',
    imageReference: 'lm-docker',
    labels: { [managedLabel]: 'true' },
    environment: { [tokenVariable]: 'token' },
    state: 'running',
    health: 'none',
    createdAtMs: 1,
    startedAtMs: 2,
    finishedAtMs: null,
    exitCode: 0,
    outOfMemory: false,
    error: null,
    publishedPorts: [{ containerPort: '8000/tcp', hostAddress: '127.0.0.1', hostPort: 8000 }],
    memoryLimitBytes: null,
    cpuLimit: null,
    pidsLimit: 4096,
    volumes: [
      { name: 'lm_workspace', path: '/workspace' },
      { name: 'lm_models', path: '/models' },
    ],
    deviceRequests: [],
    risks: [],
    ...changes,
  };
}

export const sandboxImage: ImageInspection = {
  id: 'sha256:image',
  sizeBytes: 5e9,
  createdAtMs: 1,
  labels: {},
  references: ['lm-docker:latest'],
  user: '1000:1000',
};

const fakeEndpoint: EngineEndpoint = { url: 'unix:///fake.sock', origin: 'default', label: '/fake.sock' };

type Method =
  | 'ping'
  | 'readInformation'
  | 'followEvents'
  | 'startContainer'
  | 'stopContainer'
  | 'renameContainer'
  | 'removeContainer'
  | 'removeUnusedImage';

/** An engine in memory. What containers do is changed by its levers, and events are sent only on purpose. */
export class FakeContainerEngine implements ContainerEngine {
  readonly containers = new Map<string, ContainerInspection>();
  readonly images = new Map<string, ImageInspection>([['lm-docker', sandboxImage]]);
  readonly removedVolumes: string[] = [];
  readonly created: { readonly name: string; readonly options: ContainerOptions }[] = [];
  readonly builds: FakeBuild[] = [];
  publishing: string[] = [];
  logTail: string[] = [];
  information = information();
  private readonly failures = new Map<Method, Error>();
  private readonly holds = new Map<Method, Promise<void>>();
  private follower: { onEvent: (event: EngineEvent) => void; end: (error?: Error) => void } | null = null;
  private runs = 0;

  constructor(readonly endpoint: EngineEndpoint = fakeEndpoint) {}

  /** The next call of this method rejects. */
  failNext(method: Method, error: Error): void {
    this.failures.set(method, error);
  }

  /** Calls of this method wait until the returned function is called. */
  hold(method: Method): () => void {
    let release: () => void = () => undefined;
    this.holds.set(method, new Promise((resolve) => (release = resolve)));
    return () => {
      this.holds.delete(method);
      release();
    };
  }

  emit(event: Partial<EngineEvent>): void {
    this.follower?.onEvent({ type: 'container', action: 'start', id: 'c1', name: 'lm_container', ...event });
  }

  /** Ends the stream of events: cleanly, or broken by `error`. */
  endEvents(error?: Error): void {
    this.follower?.end(error);
  }

  get isFollowed(): boolean {
    return this.follower !== null;
  }

  change(name: string, changes: Partial<ContainerInspection>): void {
    const container = this.containers.get(name);
    if (container) this.containers.set(name, { ...container, ...changes });
  }

  async ping(): Promise<void> {
    await this.enter('ping');
  }

  async readInformation(): Promise<EngineInformation> {
    await this.enter('readInformation');
    return this.information;
  }

  async followEvents(options: {
    readonly signal: AbortSignal;
    readonly onOpen: () => void;
    readonly onEvent: (event: EngineEvent) => void;
  }): Promise<void> {
    await this.enter('followEvents');
    if (options.signal.aborted) return;
    await new Promise<void>((resolve, reject) => {
      this.follower = {
        onEvent: options.onEvent,
        end: (error) => {
          this.follower = null;
          if (error) reject(error);
          else resolve();
        },
      };
      options.signal.addEventListener('abort', () => this.follower?.end(), { once: true });
      options.onOpen();
    });
  }

  async inspectContainer(nameOrId: string): Promise<ContainerInspection | null> {
    return this.containers.get(nameOrId) ?? this.byId(nameOrId);
  }

  async findContainers(namePrefix: string): Promise<readonly ContainerInspection[]> {
    return [...this.containers.values()].filter(({ name }) => name.startsWith(namePrefix));
  }

  async inspectImage(reference: string): Promise<ImageInspection | null> {
    return this.images.get(reference) ?? [...this.images.values()].find(({ id }) => id === reference) ?? null;
  }

  async removeUnusedImage(id: string): Promise<void> {
    await this.enter('removeUnusedImage');
    const used = [...this.containers.values()].some(({ imageId }) => imageId === id);
    if (used) return;
    for (const [reference, image] of this.images) if (image.id === id) this.images.delete(reference);
  }

  async createContainer(name: string, options: ContainerOptions): Promise<string> {
    if (this.containers.has(name)) throw new LmError('name_in_use', 'taken');
    this.created.push({ name, options });
    const id = `made-${this.created.length}`;
    this.containers.set(
      name,
      inspection({
        id,
        name,
        state: 'created',
        startedAtMs: null,
        labels: options.Labels,
        environment: Object.fromEntries(
          options.Env.map((entry): [string, string] => {
            const [key = '', ...rest] = entry.split('=');
            return [key, rest.join('=')];
          }),
        ),
        deviceRequests: options.HostConfig.DeviceRequests,
        publishedPorts: Object.entries(options.HostConfig.PortBindings).flatMap(([containerPort, bindings]) =>
          bindings.map((binding) => ({
            containerPort,
            hostAddress: binding.HostIp,
            hostPort: Number(binding.HostPort),
          })),
        ),
        pidsLimit: options.HostConfig.PidsLimit,
        memoryLimitBytes: options.HostConfig.Memory || null,
        cpuLimit: options.HostConfig.NanoCpus / 1e9 || null,
        volumes: options.HostConfig.Mounts.map((mount) => ({ name: mount.Source, path: mount.Target })),
      }),
    );
    return id;
  }

  async startContainer(id: string): Promise<void> {
    await this.enter('startContainer');
    this.runs += 1;
    this.change(this.require(id).name, { state: 'running', startedAtMs: 1_000 + this.runs });
  }

  async stopContainer(id: string): Promise<void> {
    await this.enter('stopContainer');
    const container = this.require(id);
    if (container.state === 'running') this.change(container.name, { state: 'exited', exitCode: 137 });
  }

  async renameContainer(id: string, name: string): Promise<void> {
    await this.enter('renameContainer');
    if (this.containers.has(name)) throw new LmError('name_in_use', 'taken');
    const container = this.require(id);
    this.containers.delete(container.name);
    this.containers.set(name, { ...container, name });
  }

  async removeContainer(id: string): Promise<void> {
    await this.enter('removeContainer');
    const container = this.byId(id);
    if (container) this.containers.delete(container.name);
  }

  async removeVolume(name: string): Promise<void> {
    this.removedVolumes.push(name);
  }

  async containersPublishing(): Promise<readonly string[]> {
    return this.publishing;
  }

  async readLogTail(): Promise<readonly string[]> {
    return this.logTail;
  }

  async buildImage(
    request: BuildRequest,
    onEvent: (event: BuildEvent) => void,
    signal: AbortSignal,
  ): Promise<{ readonly imageId: string }> {
    return new Promise((resolve, reject) => {
      this.builds.push({
        request,
        onEvent,
        succeed: () => resolve({ imageId: 'sha256:new' }),
        fail: reject,
      });
      signal.addEventListener('abort', () => reject(new LmError('cancelled', 'The build was stopped.')));
    });
  }

  private async enter(method: Method): Promise<void> {
    await this.holds.get(method);
    const failure = this.failures.get(method);
    this.failures.delete(method);
    if (failure) throw failure;
  }

  private byId(id: string): ContainerInspection | null {
    return [...this.containers.values()].find((container) => container.id === id) ?? null;
  }

  private require(id: string): ContainerInspection {
    const container = this.byId(id);
    if (!container) throw new LmError('container_missing', `No container ${id}.`);
    return container;
  }
}

export interface FakeBuild {
  readonly request: BuildRequest;
  readonly onEvent: (event: BuildEvent) => void;
  readonly succeed: () => void;
  readonly fail: (error: Error) => void;
}

/** Candidates that a test changes while the service runs. */
export class FakeEngineFinder implements EngineFinder {
  candidates: EngineCandidate[] = [];
  installed = true;
  searches = 0;
  readonly searchedUrls: (string | null)[] = [];

  async find(engineUrl: string | null): Promise<readonly EngineCandidate[]> {
    this.searches += 1;
    this.searchedUrls.push(engineUrl);
    return this.candidates;
  }

  async isInstalled(): Promise<boolean> {
    return this.installed;
  }
}

export function reachable(engine: FakeContainerEngine): EngineCandidate {
  return { endpoint: engine.endpoint, connect: async () => engine };
}

export function unreachable(error: LmError, at: EngineEndpoint = fakeEndpoint): EngineCandidate {
  return { endpoint: at, connect: () => Promise.reject(error) };
}

/** Settings that a test changes directly. */
export class FakeSettings {
  readonly onChanged = new Emitter<SettingsState>();
  private settings: Settings;

  constructor(changes: Partial<Settings> = {}) {
    this.settings = { ...defaultSettings, ...changes };
  }

  current(): Settings {
    return this.settings;
  }

  /** The next update rejects. */
  failNext: LmError | null = null;

  change(changes: Partial<Settings>): SettingsState {
    this.settings = { ...this.settings, ...changes };
    const state = { revision: 1, settings: this.settings, error: null };
    this.onChanged.emit(state);
    return state;
  }

  async update(changes: Partial<Settings>): Promise<SettingsState> {
    const failure = this.failNext;
    this.failNext = null;
    if (failure) throw failure;
    return this.change(changes);
  }
}
