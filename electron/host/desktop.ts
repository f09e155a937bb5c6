import { electronPort, messagePortTransport } from '../rpc/transports/message-port';
import type { FromHostMessage, ToHostMessage } from './desktop-messages';
import { createHost, type Host } from './create-host';
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

const parentPort = findParentPort();

/** Timers of the host are unreferenced and a port does not hold a utility process either (Electron 25). */

const keepAlive = setInterval(() => undefined, 0x7fffffff);
const logger = createStderrLogger();
let host: Promise<Host> | null = null;
const waiting: ((running: Promise<Host>) => void)[] = [];
/** Messages can come before the start options; they are kept in order. */
const whenStarted = (action: (running: Promise<Host>) => void) => {
  if (host) action(host);
  else waiting.push(action);
};

async function stop(): Promise<void> {
  await (await host)?.dispose();
}

parentPort.on('message', ({ data, ports }) => {
  switch (data.type) {
    case 'start': {
      const starting = createHost({
        ...data.options,
        door: 'desktop',
        logger,
        shell: { openExternal: (url) => parentPort.postMessage({ type: 'openExternal', url }) },
        onTheme: (theme) => parentPort.postMessage({ type: 'theme', theme }),
      });
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
