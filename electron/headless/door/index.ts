export { openBrowserDoor, type BrowserDoor, type BrowserDoorOptions } from './browser-door';
export { openUsualDoor } from './usual-door';
