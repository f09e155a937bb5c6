export { attachToHost, type AttachedHost } from './attached-host';
export {
  LocalDoorOccupied,
  localDoorPath,
  openLocalDoor,
  type AskToLeave,
  type LocalDoor,
} from './local-door';
export { connectLocalHost, localHostClient, type LocalHostClient } from './local-client';
