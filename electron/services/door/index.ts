export { DoorService, type DoorVisitor, type SessionSecrets } from './door-service';
