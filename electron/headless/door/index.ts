export { openBrowserDoor, type BrowserDoor, type BrowserDoorOptions } from './browser-door';
export { defaultDoorPort, loopbackOrigins, tunnelCommand } from './addresses';
