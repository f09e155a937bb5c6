export { openBrowserDoor, type BrowserDoor, type BrowserDoorOptions } from './browser-door';
export { limitedRefusals } from './refusal-log';
export { openUsualDoor } from './usual-door';
