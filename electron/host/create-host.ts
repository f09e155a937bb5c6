import { randomUUID } from 'node:crypto';
import { homedir, hostname } from 'node:os';
import path from 'node:path';
import { mkdir } from 'node:fs/promises';
import { createConnectionProvider, createBuildContext, createEngineFinder } from '../adapters/docker';
import { createDockerPtyBackend } from '../adapters/docker/exec-pty';
import { createDockerProcessRunner } from '../adapters/docker/exec-process';
import { createDockerLogSource } from '../adapters/docker/logs';
import { createDockerStatsSource } from '../adapters/docker/stats';
import {
  createGatewayClient,
  createGatewayCommands,
  createGgufStore,
  createLlamaCppBackend,
  createOllamaBackend,
} from '../adapters/gateway';
import { createGatewayHealth } from '../adapters/gateway/health';
import { countInside, createEmbeddedRuntime } from '../adapters/bubblewrap';
import {
  createFolderImporter,
  createModelServer,
  embeddedLlmOf,
  modelSocketPath,
} from '../adapters/embedded-llm';
import { createHostProcessRunner, createHostStatsSource } from '../adapters/host-stats';
import { createLocalGateway } from '../adapters/local-gateway';
import { createNvidiaSmiProbe, toComputerGpuError } from '../adapters/nvidia';
import { createProcessStarter } from '../adapters/process';
import { createLocalPtyLauncher } from '../adapters/pty/local-pty';
import { createXtermScreenMirror } from '../adapters/screen/xterm-screen-mirror';
import { createMirrorFetcher, createStarterFiles } from '../adapters/starter';
import { openConversationStore } from '../adapters/storage';
import { createAdoptionFile } from '../adapters/storage/adoption-file';
import { createDoorSessionFile } from '../adapters/storage/door-session-file';
import { createSettingsFile } from '../adapters/storage/settings-file';
import {
  contract,
  hostNeedSchema,
  menuCommandSchema,
  type HostDescription,
  type HostNeed,
  type Settings,
} from '../contract';
import { serveConnection, type ServerConnection } from '../rpc/server';
import type { Transport } from '../rpc/transport';
import { ChatService } from '../services/chat';
import { CommandsService, createEmbeddedCommands } from '../services/commands';
import { EngineService } from '../services/container/engine';
import { ImageService } from '../services/container/image';
import { SandboxService } from '../services/container/sandbox';
import { DoorService } from '../services/door';
import type { OpenDoor } from '../services/door/ports';
import { EmbeddedService } from '../services/embedded';
import { systemClock, type Disposable, type Logger } from '../services/foundation';
import { GpuService } from '../services/gpu';
import { LocalApiService } from '../services/local-api';
import { LogsService } from '../services/logs';
import { ModelsService } from '../services/models';
import { SettingsService } from '../services/settings';
import { recommendedSampling, StarterService, starterCatalog } from '../services/starter';
import { TelemetryService } from '../services/telemetry';
import { TerminalService } from '../services/terminal';
import {
  commandsByPlace,
  gpusByPlace,
  importerByPlace,
  runningByPlace,
  shellsByPlace,
  statsByPlace,
  whenContainerKnown,
  type PlaceDeps,
} from './places';
import { createAppRoutes, type BackgroundLife, type DesktopShell } from './routes/app';
import { createChatRoutes } from './routes/chat';
import { createCommandsRoutes } from './routes/commands';
import { createDoorRoutes } from './routes/door';
import { createEmbeddedRoutes } from './routes/embedded';
import { createEngineRoutes } from './routes/engine';
import { createImageRoutes } from './routes/image';
import { createLocalApiRoutes } from './routes/local-api';
import { createModelsRoutes } from './routes/models';
import type { MethodRoutes, Publish, StreamRoutes } from './routes/route';
import { createSandboxRoutes } from './routes/sandbox';
import { createSettingsRoutes } from './routes/settings';
import { createStarterRoutes } from './routes/starter';
import { createTelemetryRoutes } from './routes/telemetry';
import { createTerminalRoutes } from './routes/terminal';
import { deliverStarter } from './starter-delivery';

export interface HostOptions {
  readonly appVersion: string;
  /** Settings, conversations and window state live here; made when missing. */
  readonly dataFolder: string;
  /** The docker/ folder whose image is built. */
  readonly dockerFolder: string;
  readonly imageBuildArguments: Readonly<Record<string, string>>;
  readonly door: HostDescription['door'];
  readonly logger: Logger;
  /** What only a desktop can do; null behind other doors. */
  readonly shell: DesktopShell | null;
  /** The bundle of adapters/embedded-llm/child/main.ts; without it there are no embedded models. */
  readonly embeddedLlmFile?: string;
  /** Given before the start: yes to what the app would ask, such as fetching a starter model. */
  readonly assumeYes?: boolean;
  readonly onTheme?: (theme: Settings['theme']) => void;
  /** Opens a server for browsers (electron/headless/door); without it there is no browser door. */
  readonly openDoor?: (access: DoorAccess) => Promise<OpenDoor>;
  /** Set for a host that nobody looks at, and that callers may ask to end. */
  readonly background?: Omit<BackgroundLife, 'needs'>;
  /** Parses results and chunks with the contract too; for tests. */
  readonly checkOutput?: boolean;
}

/** What the server behind the browser door needs of the host. */
export interface DoorAccess {
  readonly keeper: DoorService;
  readonly connect: Host['connect'];
}

export interface Host {
  /** Serves one page. It may come and go; what it started stays. */
  connect(transport: Transport, connectionId: string): void;
  /** Hands a choice of the native menu to one page. */
  invokeCommand(connectionId: string, command: string): void;
  /** Who may come in by a browser. */
  readonly door: DoorService;
  /** Whether the settings say that the door is open. */
  wantsBrowsers(): boolean;
  /** Who is connected, but for one that may be left out, and what would be lost if it ended now. */
  needs(exceptConnectionId?: string): Promise<HostNeed[]>;
  /** Ends shells and answers, closes files. Idempotent. */
  dispose(): Promise<void>;
}

/**
 * Builds the whole host by hand, in reading order: what is below needs what is above. The desktop's utility
 * process, plain Node and the tests all start it here.
 */
export async function createHost(options: HostOptions): Promise<Host> {
  const { dataFolder, logger } = options;
  const clock = systemClock;
  const newId = () => randomUUID();
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });

  const settings = await SettingsService.open({
    store: createSettingsFile(dataFolder),
    logger: logger.child('settings'),
  });

  const engines = new EngineService({
    finder: createEngineFinder({
      env: process.env,
      homeFolder: homedir(),
      userId: process.getuid?.() ?? null,
      platform: process.platform,
    }),
    settings,
    clock,
    logger: logger.child('engine'),
  });
  const connection = createConnectionProvider(() => engines.require());

  const buildContext = createBuildContext(options.dockerFolder);
  const images = new ImageService({
    engines,
    settings,
    context: buildContext,
    buildArguments: options.imageBuildArguments,
    appVersion: options.appVersion,
    clock,
    logger: logger.child('image'),
  });
  const sandbox = new SandboxService({
    engines,
    settings,
    gatewayHealth: createGatewayHealth(),
    adoption: createAdoptionFile(dataFolder),
    imageRevision: () => buildContext.revision(),
    onImageReleased: (imageId) => void images.removeReplaced(imageId),
    clock,
    logger: logger.child('sandbox'),
  });

  const embedded = new EmbeddedService({
    settings,
    runtime: createEmbeddedRuntime({ dataFolder, env: process.env }),
    ptys: createLocalPtyLauncher(),
    clock,
    logger: logger.child('embedded'),
  });
  const places: PlaceDeps = {
    place: () => settings.current().sandboxPlace,
    onSettingsChanged: (listener) => settings.onChanged.on(listener),
    container: sandbox,
    embedded,
  };

  const shells = shellsByPlace(
    places,
    createDockerPtyBackend({ connection, containerId: () => sandbox.require().containerId }),
  );
  const terminal = new TerminalService({
    backend: shells,
    createMirror: createXtermScreenMirror,
    clock,
  });

  const containerKnown = () => whenContainerKnown(engines, sandbox, clock);
  const commands = new CommandsService({
    backend: commandsByPlace(
      places,
      createGatewayCommands({ containers: sandbox, settled: containerKnown }),
      createEmbeddedCommands({
        embedded,
        processes: createProcessStarter(),
        clock,
        logger: logger.child('commands'),
      }),
    ),
    terminals: {
      open: async (size, program) => {
        await (places.place() === 'embedded' ? embedded.settled() : containerKnown());
        return shells.open(size, program);
      },
    },
    clock,
  });

  const running = runningByPlace(places);
  const telemetry = new TelemetryService({
    running,
    stats: statsByPlace(
      createDockerStatsSource(connection),
      createHostStatsSource({
        countInside: () =>
          countInside(
            embedded.current()?.processIds() ?? [],
            embedded.status().isolation.kind === 'bubblewrap',
          ),
      }),
    ),
    clock,
    logger: logger.child('telemetry'),
  });
  const gpu = new GpuService({
    running,
    probe: gpusByPlace(
      createNvidiaSmiProbe(createDockerProcessRunner(connection)),
      createNvidiaSmiProbe(createHostProcessRunner(), toComputerGpuError),
    ),
    engineGpu: () => {
      if (places.place() === 'embedded') return null;
      const state = engines.state();
      return state.state === 'connected' ? state.facts.gpu : null;
    },
    clock,
    logger: logger.child('gpu'),
  });
  const logs = new LogsService({
    running: sandbox,
    stoppedContainerId: () => sandbox.status().container?.id ?? null,
    logs: createDockerLogSource(connection),
    clock,
    logger: logger.child('logs'),
  });

  const gateway = createGatewayClient(sandbox);
  const ollama = createOllamaBackend(gateway);
  const samplingOf = recommendedSampling(starterCatalog);
  const llamaCpp = createLlamaCppBackend(gateway, samplingOf);
  const modelsFolder = path.join(dataFolder, 'models');
  const embeddedLlm = options.embeddedLlmFile
    ? embeddedLlmOf(modelsFolder, options.embeddedLlmFile, samplingOf)
    : null;
  const backends = [llamaCpp, ollama, ...(embeddedLlm ? [embeddedLlm] : [])];
  const models = new ModelsService({
    backends,
    place: places.place,
    puller: ollama,
    importer: importerByPlace(places, createGgufStore(gateway), createFolderImporter(modelsFolder)),
    containers: sandbox,
    clock,
    logger: logger.child('models'),
    newId,
  });
  const modelServer = embeddedLlm
    ? createModelServer({
        llm: embeddedLlm,
        socketPath: modelSocketPath(dataFolder),
        onModelUsed: () => models.refreshSoon(),
      })
    : null;
  const localApiLog = logger.child('local-api');
  const localApi = new LocalApiService({
    settings,
    embedded,
    runtime: createLocalGateway({
      ...{ dataFolder, dockerFolder: options.dockerFolder, appVersion: options.appVersion },
      modelSocket: modelServer?.socketPath ?? null,
      env: process.env,
      log: (line) => localApiLog.info(line),
    }),
    models: modelServer,
    clock,
    logger: localApiLog,
  });
  const starter = new StarterService({
    catalog: starterCatalog,
    files: createStarterFiles(modelsFolder),
    fetcher: createMirrorFetcher(),
    onInstalled: deliverStarter({ place: places.place, containers: sandbox, models }),
    clock,
    logger: logger.child('starter'),
  });
  const chat = new ChatService({
    backends,
    place: places.place,
    store: await openConversationStore({
      file: path.join(dataFolder, 'conversations.db'),
      nowMs: () => clock.nowMs(),
    }),
    containers: sandbox,
    clock,
    logger: logger.child('chat'),
    newId,
    onModelUsed: () => models.refreshSoon(),
  });

  const { openDoor } = options;
  const door = await DoorService.load({
    store: createDoorSessionFile(dataFolder, logger.child('door')),
    opener: openDoor ? { open: () => openDoor({ keeper: door, connect }) } : null,
    wish: doorWish(options, settings),
    clock,
    logger: logger.child('door'),
    newId,
  });

  const appRoutes = createAppRoutes({
    description: {
      appVersion: options.appVersion,
      nodeVersion: process.versions.node,
      platform: process.platform,
      architecture: process.arch,
      hostname: hostname(),
      dataFolder,
      door: options.door,
    },
    shell: options.shell,
    background: options.background ? { ...options.background, needs } : null,
  });
  const settingsRoutes = createSettingsRoutes({ settings });
  const engineRoutes = createEngineRoutes({ engines });
  const sandboxRoutes = createSandboxRoutes({ sandbox });
  const embeddedRoutes = createEmbeddedRoutes({ embedded });
  const localApiRoutes = createLocalApiRoutes({ localApi });
  const imageRoutes = createImageRoutes({ images });
  const terminalRoutes = createTerminalRoutes({ terminal });
  const commandsRoutes = createCommandsRoutes({ commands });
  const telemetryRoutes = createTelemetryRoutes({ telemetry, gpu, logs });
  const modelsRoutes = createModelsRoutes({ models });
  const starterRoutes = createStarterRoutes({ starter });
  const chatRoutes = createChatRoutes({ chat });
  const doorRoutes = createDoorRoutes({ door, holdable: options.background !== undefined });
  // `satisfies`: a method or stream of the contract that nobody serves does not compile.
  const routes = {
    methods: {
      ...appRoutes.methods,
      ...settingsRoutes.methods,
      ...engineRoutes.methods,
      ...sandboxRoutes.methods,
      ...embeddedRoutes.methods,
      ...localApiRoutes.methods,
      ...imageRoutes.methods,
      ...terminalRoutes.methods,
      ...commandsRoutes.methods,
      ...modelsRoutes.methods,
      ...starterRoutes.methods,
      ...chatRoutes.methods,
      ...doorRoutes.methods,
    } satisfies MethodRoutes,
    streams: {
      ...imageRoutes.streams,
      ...terminalRoutes.streams,
      ...commandsRoutes.streams,
      ...telemetryRoutes.streams,
      ...chatRoutes.streams,
      ...doorRoutes.streams,
    } satisfies StreamRoutes,
  };

  const connections = new Map<string, ServerConnection>();
  const publish: Publish = (name, payload) => {
    for (const served of connections.values()) served.publish(name, payload);
  };
  settings.onChanged.on((state) => publish('settings.changed', state));
  engines.onChanged.on((state) => publish('engine.changed', state));
  sandbox.onStatusChanged.on((status) => publish('sandbox.changed', status));
  embedded.onChanged.on((status) => publish('embedded.changed', status));
  localApi.onChanged.on((status) => publish('localApi.changed', status));
  images.onBuildChanged.on((build) => publish('image.buildChanged', build));
  terminal.onChanged((list) => publish('terminal.changed', list));
  models.onChanged.on((list) => publish('models.changed', list));
  models.onJobsChanged.on((list) => publish('models.jobsChanged', list));
  starter.onChanged.on((state) => publish('starter.changed', state));
  chat.onChanged.on((list) => publish('chat.changed', list));
  door.onChanged.on((state) => publish('door.changed', state));

  options.onTheme?.(settings.current().theme);
  settings.onChanged.on((state) => options.onTheme?.(state.settings.theme));
  let knownPlace = places.place();
  const fetchStarter = () => {
    if (!options.assumeYes || places.place() !== 'embedded') return;
    starter
      .startUnattended()
      .catch((error: unknown) => logger.warn('The starter model was not fetched', { error }));
  };
  settings.onChanged.on(() => {
    if (places.place() === knownPlace) return;
    knownPlace = places.place();
    models.refreshSoon();
    fetchStarter();
  });
  fetchStarter();
  engines.start();

  /** In the reverse order of their making. */
  const services: readonly Disposable[] = [
    door,
    chat,
    starter,
    models,
    ...(embeddedLlm ? [embeddedLlm] : []),
    logs,
    gpu,
    telemetry,
    commands,
    terminal,
    localApi,
    embedded,
    sandbox,
    images,
    engines,
    settings,
  ];
  let disposing: Promise<void> | null = null;

  function connect(transport: Transport, connectionId: string): void {
    const served = serveConnection({
      contract,
      routes,
      transport,
      connectionId,
      checkOutput: options.checkOutput ?? false,
      onUnexpected: (error, where) => logger.error('Unexpected failure', { error, where }),
      onClosed: () => connections.delete(connectionId),
    });
    connections.set(connectionId, served);
  }

  async function needs(exceptConnectionId?: string): Promise<HostNeed[]> {
    const fetching = (await starter.status()).download?.status === 'running';
    // From here on within one turn, so that whoever ends the host over this answer ends the host that it was about.
    const running = (each: { readonly status: string }) => each.status === 'running';
    const callers = [...connections.keys()].filter((id) => id !== exceptConnectionId);
    const { terminals } = terminal.list();
    const counts: Record<HostNeed['kind'], number> = {
      connection: callers.length,
      command: commands.running,
      terminal: terminals.filter((each) => each.status === 'starting' || running(each)).length,
      'embedded-sandbox': Number(['checking', 'ready', 'stopping'].includes(embedded.status().state)),
      'container-operation': Number(sandbox.status().operation !== null),
      'image-build': Number(images.buildState()?.status === 'running'),
      'model-download': models.listJobs().jobs.filter(running).length + Number(fetching),
      answer: chat.list().conversations.filter(({ answering }) => answering).length,
      'browser-door': Number(door.state().state !== 'closed'),
    };
    return hostNeedSchema.shape.kind.options
      .map((kind) => ({ kind, count: counts[kind] }))
      .filter(({ count }) => count > 0);
  }

  return {
    connect,
    door,
    needs,
    wantsBrowsers: () => settings.current().browserAccess,
    invokeCommand: (connectionId, command) => {
      const parsed = menuCommandSchema.safeParse(command);
      if (parsed.success)
        connections.get(connectionId)?.publish('app.commandInvoked', { command: parsed.data });
    },
    dispose: () => {
      disposing ??= (async () => {
        for (const service of services) {
          // One that fails must not keep the others from closing their files.
          await Promise.resolve(service.dispose()).catch((error: unknown) =>
            logger.error('A service did not close', { error }),
          );
        }
        for (const served of connections.values()) served.close();
      })();
      return disposing;
    },
  };
}

/** Where the choice of an open door is kept. A host that nobody looks at opens it for as long as it runs. */
function doorWish(options: HostOptions, settings: SettingsService) {
  if (options.door === 'desktop') {
    return { save: (open: boolean) => settings.update({ browserAccess: open }) };
  }
  return options.background ? { save: () => Promise.resolve() } : null;
}
