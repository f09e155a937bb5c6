import path from 'node:path';
import {
  LocalDoorOccupied,
  attachToHost,
  connectLocalHost,
  localDoorPath,
  openLocalDoor,
  type LocalDoor,
} from '../headless/local';
import type { Transport } from '../rpc/transport';
import { electronPort, messagePortTransport } from '../rpc/transports/message-port';
import type { FromHostMessage, HostStartOptions, ToHostMessage } from './desktop-messages';
import { createHost, type DoorAccess, type Host } from './create-host';
import { createStderrLogger } from './stderr-logger';

interface ParentPort {
  on(event: 'message', listener: (event: { data: ToHostMessage; ports: ElectronPort[] }) => void): void;
  postMessage(message: FromHostMessage): void;
}
type ElectronPort = Parameters<typeof electronPort>[0];

/** Electron adds `parentPort` to a utility process; under plain Node there is none. */
function findParentPort(): ParentPort {
  const port: unknown = Reflect.get(process, 'parentPort');
  if (isParentPort(port)) return port;
  process.stderr.write('This entry runs in an Electron utility process.\n');
  process.exit(2);
}

function isParentPort(value: unknown): value is ParentPort {
  return typeof value === 'object' && value !== null && 'postMessage' in value && 'on' in value;
}

/** What the windows are served by: the host of this process, or one that another process runs. */
type ServedBy = Pick<Host, 'connect' | 'invokeCommand'> & { dispose(): void | Promise<void> };

/** How long a host that ended may take to come back, as under a service manager, before this one takes its place. */
const returnLimitMs = 5_000;
const lookIntervalMs = 250;

const parentPort = findParentPort();

/** Timers of the host are unreferenced and a port does not hold a utility process either (Electron 25). */

const keepAlive = setInterval(() => undefined, 0x7fffffff);
const logger = createStderrLogger();
let host: Promise<ServedBy> | null = null;
const waiting: ((running: Promise<ServedBy>) => void)[] = [];
/** Messages can come before the start options; they are kept in order. */
const whenStarted = (action: (running: Promise<ServedBy>) => void) => {
  if (host) action(host);
  else waiting.push(action);
};

async function stop(): Promise<void> {
  await (await host)?.dispose();
}

const openExternal = (url: string) => parentPort.postMessage({ type: 'openExternal', url });
const onTheme = (theme: 'light' | 'dark' | 'system') => parentPort.postMessage({ type: 'theme', theme });

/** Two hosts would write over each other's files, so whichever was first for a data folder serves all. */
async function start(options: HostStartOptions): Promise<ServedBy> {
  let own: Host | null = null;
  const early: (() => void)[] = [];
  const connectLocal = (transport: Transport, connectionId: string) => {
    const connect = () => own?.connect(transport, connectionId);
    if (own) connect();
    else early.push(connect);
  };
  let local: LocalDoor | null = null;
  try {
    local = await openLocalDoor(options.dataFolder, connectLocal);
  } catch (error) {
    if (error instanceof LocalDoorOccupied) return attach(options);
    // Nothing the window needs: only browsers and commands of a later start find no host.
    logger.warn('This host cannot be found by others', { error });
  }
  const started = await createHost({
    ...options,
    door: 'desktop',
    logger,
    shell: { openExternal },
    embeddedLlmFile: path.join(__dirname, 'embedded-llm.cjs'),
    assumeYes: process.env['LM_SANDBOX_YES'] === '1',
    onTheme,
    openDoor,
  });
  own = started;
  for (const connect of early.splice(0)) connect();
  let kept = false;
  started.door.onChanged.on(({ state }) => {
    if (kept === (state === 'open')) return;
    kept = state === 'open';
    parentPort.postMessage({ type: 'keepRunning', keep: kept });
  });
  if (started.wantsBrowsers()) {
    // The state of the door tells the person why, where they would turn it on.
    started.door.open().catch((error: unknown) => logger.warn('The browser door is closed', { error }));
  }
  return {
    connect: (transport, connectionId) => started.connect(transport, connectionId),
    invokeCommand: (connectionId, command) => started.invokeCommand(connectionId, command),
    dispose: async () => {
      // The folder is let go when its files are closed, so that no other host opens them meanwhile.
      local?.leave();
      await started.dispose();
      await local?.close();
    },
  };
}

/** Loaded when it is first opened: who never lets browsers in does not pay for it. */
async function openDoor({ keeper, connect }: DoorAccess) {
  const { limitedRefusals, openUsualDoor } = await import('../headless/door');
  return openUsualDoor(
    {
      keeper,
      connect,
      filesFolder: path.join(__dirname, '../renderer'),
      host: '127.0.0.1',
      tls: null,
      otherOrigins: [],
      onRefused: limitedRefusals((reason, facts) =>
        logger.warn('A browser was refused', { reason, ...facts }),
      ),
    },
    (port) => logger.warn('The usual port of the browser door is in use', { port }),
  );
}

async function attach({ dataFolder }: HostStartOptions): Promise<ServedBy> {
  const socketPath = localDoorPath(dataFolder);
  const attached = await attachToHost({
    socketPath,
    onTheme,
    openExternal,
    onLost: () => void endWhenHostIsBack(socketPath),
  });
  if (!attached) {
    parentPort.postMessage({
      type: 'unusable',
      reason: `Another lm-sandbox host runs for ${dataFolder}, and this app cannot talk to it: it is of another version, or it does not answer. End it (npm start -- --serve, or systemctl --user stop lm-sandbox), and start the app again.`,
    });
    return {
      connect: (transport) => transport.close(),
      invokeCommand: () => undefined,
      dispose: () => undefined,
    };
  }
  logger.info('A host that runs already serves this window', { socketPath });
  return attached;
}

/** The app starts this process again, which then attaches to that host, or is one itself. */
async function endWhenHostIsBack(socketPath: string): Promise<void> {
  const limitMs = Date.now() + returnLimitMs;
  while (Date.now() < limitMs && !(await connectLocalHost(socketPath))) {
    await new Promise((resolve) => setTimeout(resolve, lookIntervalMs));
  }
  process.exit(1);
}

parentPort.on('message', ({ data, ports }) => {
  switch (data.type) {
    case 'start': {
      const starting = start(data.options);
      host = starting;
      starting.catch((error: unknown) => {
        logger.error('The host could not start', { error });
        process.exit(1);
      });
      for (const action of waiting.splice(0)) action(starting);
      break;
    }
    case 'connect': {
      const [port] = ports;
      if (!port) break;
      const transport = messagePortTransport(electronPort(port));
      whenStarted((running) => void running.then((started) => started.connect(transport, data.connectionId)));
      break;
    }
    case 'command':
      whenStarted(
        (running) => void running.then((started) => started.invokeCommand(data.connectionId, data.command)),
      );
      break;
    case 'stop':
      clearInterval(keepAlive);
      void stop().finally(() => process.exit(0));
      break;
  }
});

process.on('unhandledRejection', (error) => logger.error('Unhandled rejection', { error }));
