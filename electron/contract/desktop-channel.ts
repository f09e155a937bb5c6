/** The one IPC channel between main and preload, and the messages between preload and page. */
export const portChannel = 'lm-sandbox:port';
export const portWantedMessage = 'lm-sandbox:port-wanted';
export const portReadyMessage = 'lm-sandbox:port-ready';
export const portLostMessage = 'lm-sandbox:port-lost';
