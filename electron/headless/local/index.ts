export { attachToHost, type AttachedHost } from './attached-host';
export { LocalDoorOccupied, localDoorPath, openLocalDoor, type LocalDoor } from './local-door';
export { connectLocalHost, localHostClient } from './local-client';
