import {
  portLostMessage,
  portReadyMessage,
  portWantedMessage,
} from '../../electron/contract/desktop-channel';
import { RpcClient } from '../../electron/rpc/client';
import type { HostClient } from '../../electron/rpc/client-types';
import { domPort, messagePortTransport } from '../../electron/rpc/transports/message-port';
import { connectBrowser, dropTokenFromAddress } from './browser-client';

/** Whether the page is the desktop app's, whose preload hands over a port; else a browser shows it. */
export const isDesktop = window.location.protocol === 'app:';

/** The page's way to the host. */
export function connectHost(): HostClient {
  if (isDesktop) return connectDesktop();
  dropTokenFromAddress();
  return connectBrowser();
}

/**
 * The client of a page in the desktop window. The preload hands over a port when asked, and a new one whenever the
 * host was started again; only messages of this window itself are looked at.
 */
function connectDesktop(): HostClient {
  const client = new RpcClient();
  window.addEventListener('message', (event: MessageEvent) => {
    if (event.source !== window || event.origin !== window.location.origin) return;
    const [port] = event.ports;
    if (event.data === portReadyMessage && port) client.attach(messagePortTransport(domPort(port)));
    else if (event.data === portLostMessage) client.markLost();
  });
  window.postMessage(portWantedMessage, window.location.origin);
  return client;
}
