export { LocalApiService, type LocalApiServiceDeps } from './local-api-service';
export type {
  GatewayRuntime,
  LauncherDescription,
  ModelDoor,
  PreparationProgress,
  RunningGateway,
} from './ports';
