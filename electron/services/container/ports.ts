import type { Readable } from 'node:stream';
import type { EngineEndpoint, EngineFacts, ErrorData, SandboxPart } from '../../contract';

/**
 * A place where an engine may be listening. Adapters keep to themselves how it is reached (TLS material,
 * sockets).
 */
export interface EngineCandidate {
  readonly endpoint: EngineEndpoint;
  /**
   * Reaches the engine and negotiates the API version. LmError after `timeoutMs` at the latest:
   * `engine_not_running`, `engine_permission_denied`, `engine_not_responding`, `engine_too_old`,
   * `engine_failed`, `unsupported`; `cancelled` after an abort.
   */
  connect(options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<ContainerEngine>;
}

export interface EngineFinder {
  /** Candidates in the order of preference. With `engineUrl` that one only. Never rejects for a missing one. */
  find(engineUrl: string | null): Promise<readonly EngineCandidate[]>;
  /** Whether a container engine's programs are on this computer, running or not. */
  isInstalled(): Promise<boolean>;
}

/** Everything read from the engine's own answers; nothing decided yet. */
export interface EngineInformation extends Omit<EngineFacts, 'gpu'> {
  /** CDI devices by full name, such as `nvidia.com/gpu=all`; null when the engine does not list them. */
  readonly cdiDevices: readonly string[] | null;
}

export interface EngineEvent {
  readonly type: 'container' | 'image' | 'daemon';
  /** In Docker's words: `start`, `die`, `oom`, `destroy`, `tag`, … without what follows a colon. */
  readonly action: string;
  readonly id: string;
  /** Container or image name where the engine gives it. */
  readonly name: string | null;
}

export interface DeviceRequest {
  readonly Driver: string;
  readonly Count?: number;
  readonly DeviceIDs?: readonly string[];
  readonly Capabilities?: readonly (readonly string[])[];
}

/**
 * The subset of the Engine API's `POST /containers/create` body that this app may ever send, in that API's
 * own names: what the unit test of `containerOptions` asserts is then, word for word, what the engine gets.
 */
export interface ContainerOptions {
  readonly Image: string;
  readonly Hostname: string;
  readonly Env: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly ExposedPorts: Readonly<Record<string, Record<string, never>>>;
  readonly StopTimeout: number;
  readonly HostConfig: {
    readonly CapDrop: readonly string[];
    readonly SecurityOpt: readonly string[];
    readonly Privileged: false;
    readonly Init: true;
    readonly PidsLimit: number;
    /** Bytes; 0 is no limit. */
    readonly Memory: number;
    readonly MemorySwap: number;
    readonly NanoCpus: number;
    readonly ShmSize: number;
    readonly Ulimits: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
    readonly PortBindings: Readonly<
      Record<string, readonly { readonly HostIp: '127.0.0.1'; readonly HostPort: string }[]>
    >;
    readonly PublishAllPorts: false;
    readonly Mounts: readonly {
      readonly Type: 'volume';
      readonly Source: string;
      readonly Target: string;
      readonly ReadOnly: boolean;
    }[];
    readonly NetworkMode: 'bridge';
    readonly IpcMode: 'private';
    readonly LogConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
    readonly RestartPolicy: { readonly Name: 'no' };
    readonly DeviceRequests: readonly DeviceRequest[];
  };
}

export interface ContainerInspection {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly imageReference: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  readonly createdAtMs: number | null;
  /** Null while it has never run. */
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly exitCode: number | null;
  readonly outOfMemory: boolean;
  /** Why the engine could not start it, already mapped. */
  readonly error: ErrorData | null;
  readonly publishedPorts: readonly {
    readonly containerPort: string;
    readonly hostAddress: string;
    readonly hostPort: number;
  }[];
  readonly memoryLimitBytes: number | null;
  readonly cpuLimit: number | null;
  readonly pidsLimit: number | null;
  readonly volumes: readonly { readonly name: string; readonly path: string }[];
  readonly deviceRequests: readonly DeviceRequest[];
  /** Plain sentences on what makes this container a danger for the host: privileged, host network, … */
  readonly risks: readonly string[];
}

export interface ImageInspection {
  readonly id: string;
  readonly sizeBytes: number;
  readonly createdAtMs: number | null;
  readonly labels: Readonly<Record<string, string>>;
  /** Its references, such as `lm-docker:latest`; none when another image took them. */
  readonly references: readonly string[];
  /** As in the Dockerfile's USER; empty is root. */
  readonly user: string;
}

export type BuildEvent =
  | { readonly kind: 'step'; readonly index: number; readonly total: number | null; readonly name: string }
  /** The step under way was taken from the cache. */
  | { readonly kind: 'cached' }
  /** One line without its end. */
  | { readonly kind: 'log'; readonly text: string }
  /** Bytes of one layer that the step under way fetches. */
  | {
      readonly kind: 'layer';
      readonly id: string;
      readonly completedBytes: number;
      readonly totalBytes: number | null;
    };

export interface BuildRequest {
  /** A tar stream; the engine call destroys it when it ends early. */
  readonly context: Readable;
  /** Path in the context. */
  readonly dockerfile: string;
  readonly target: string | null;
  readonly reference: string;
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly withoutCache: boolean;
}

/**
 * One engine that answered. Every method rejects with an LmError only; a connection that breaks under a call
 * is `engine_connection_lost`.
 */
export interface ContainerEngine {
  readonly endpoint: EngineEndpoint;
  /** Rejects with `engine_not_responding` after `timeoutMs`. */
  ping(timeoutMs: number): Promise<void>;
  readInformation(): Promise<EngineInformation>;
  /**
   * Calls `onOpen` once the engine follows, then `onEvent` for each event. Settles when the stream ends:
   * fulfils when it ended cleanly or by `signal`, else rejects.
   */
  followEvents(options: {
    readonly signal: AbortSignal;
    readonly onOpen: () => void;
    readonly onEvent: (event: EngineEvent) => void;
  }): Promise<void>;
  /** By name or id; null when there is none. */
  inspectContainer(nameOrId: string): Promise<ContainerInspection | null>;
  /** All whose name begins so, running or not. */
  findContainers(namePrefix: string): Promise<readonly ContainerInspection[]>;
  /** By reference or id; null when there is none. */
  inspectImage(reference: string): Promise<ImageInspection | null>;
  /** Never by force: does nothing when a container uses it, another image is made from it, or it is gone. */
  removeUnusedImage(id: string): Promise<void>;
  /** Gives the new container's id. */
  createContainer(name: string, options: ContainerOptions): Promise<string>;
  /** Also continues a paused one; does nothing when it runs. */
  startContainer(id: string): Promise<void>;
  /** Fulfils when it has ended; does nothing when it does not run. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  renameContainer(id: string, name: string): Promise<void>;
  /** Ends it if needed. Does nothing when it is gone. */
  removeContainer(id: string): Promise<void>;
  /** Does nothing when it is gone. */
  removeVolume(name: string): Promise<void>;
  /** Names of running containers that publish this TCP port of the host. */
  containersPublishing(hostPort: number): Promise<readonly string[]>;
  /** The last lines that the container's programs wrote, oldest first. */
  readLogTail(id: string, lines: number): Promise<readonly string[]>;
  /**
   * Fulfils with the image's id. Aborting ends the build in the engine too and rejects with `cancelled`.
   * Failures: `image_build_failed`, `build_certificate_untrusted`, `build_network_failed`, `disk_full`,
   * `engine_connection_lost`.
   */
  buildImage(
    request: BuildRequest,
    onEvent: (event: BuildEvent) => void,
    signal: AbortSignal,
  ): Promise<{ readonly imageId: string }>;
}

/** The folder with the image's Dockerfile, and what a build sends of it. */
export interface BuildContextSource {
  /** A short hash over names, modes and content of all that is built, without extra certificates. */
  revision(): Promise<string>;
  /**
   * @param certificatesFolder Whose `*.crt` files are added; null: the system's own folder of local ones.
   * Rejects with `not_found` when a named folder is missing, with `invalid_input` for a file that is no
   * certificate.
   */
  open(certificatesFolder: string | null): Promise<{
    readonly stream: Readable;
    readonly certificates: readonly string[];
  }>;
}

export interface GatewayHealthReport {
  /** The gateway itself answered that it works. */
  readonly ok: boolean;
  readonly parts: readonly SandboxPart[];
}

export interface GatewayHealth {
  /** Rejects with `gateway_unreachable` or `gateway_unauthorized`. */
  read(options: {
    readonly url: string;
    readonly token: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  }): Promise<GatewayHealthReport>;
}

/** Remembers which foreign container the person took over; labels of an existing one cannot be changed. */
export interface AdoptionStore {
  read(): Promise<string | null>;
  write(containerId: string | null): Promise<void>;
}
