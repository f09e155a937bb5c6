import { ipcRenderer } from 'electron';
import {
  portChannel,
  portLostMessage,
  portReadyMessage,
  portWantedMessage,
} from '../contract/desktop-channel';

/**
 * Hands the page one MessagePort to the host and nothing else: no function, no object of Electron's. The page asks
 * when it is ready to listen; after the host was restarted main sends a new port by itself.
 */
window.addEventListener('message', (event) => {
  if (event.source === window && event.data === portWantedMessage) ipcRenderer.send(portChannel);
});

ipcRenderer.on(portChannel, (event) => {
  const [port] = event.ports;
  if (port) window.postMessage(portReadyMessage, window.location.origin, [port]);
  else window.postMessage(portLostMessage, window.location.origin);
});
