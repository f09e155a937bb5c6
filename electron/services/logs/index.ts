export { LogsService, type LogsServiceDeps } from './logs-service';
export type {
  ContainerLogLine,
  ContainerLogSource,
  LogFollowHandlers,
  LogFollowOptions,
  LogPosition,
  OutputSource,
} from './ports';
