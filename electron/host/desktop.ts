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
const parentPort = (process as NodeJS.Process & { parentPort?: ParentPort }).parentPort;
if (!parentPort) {
  process.stderr.write('This entry runs in an Electron utility process.\n');
  process.exit(2);
}

const logger = createStderrLogger();
let host: Host | null = null;
const waiting: { connectionId: string; port: ElectronPort }[] = [];

const connect = (running: Host, connectionId: string, port: ElectronPort) =>
  running.connect(messagePortTransport(electronPort(port)), connectionId);

parentPort.on('message', ({ data, ports }) => {
  switch (data.type) {
    case 'start':
      host = createHost({
        ...data.options,
        door: 'desktop',
        logger,
        shell: { openExternal: (url) => parentPort.postMessage({ type: 'openExternal', url }) },
        onTheme: (theme) => parentPort.postMessage({ type: 'theme', theme }),
      });
      for (const { connectionId, port } of waiting.splice(0)) connect(host, connectionId, port);
      break;
    case 'connect': {
      const [port] = ports;
      if (!port) break;
      if (host) connect(host, data.connectionId, port);
      else waiting.push({ connectionId: data.connectionId, port });
      break;
    }
    case 'command':
      host?.invokeCommand(data.connectionId, data.command);
      break;
    case 'stop':
      void (host?.dispose() ?? Promise.resolve()).finally(() => process.exit(0));
      break;
  }
});

process.on('unhandledRejection', (error) => logger.error('Unhandled rejection', { error }));
