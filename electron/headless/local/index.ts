export { LocalDoorOccupied, localDoorPath, openLocalDoor, type LocalDoor } from './local-door';
export { connectLocalHost, localHostClient } from './local-client';
