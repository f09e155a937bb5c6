export {
  EmbeddedService,
  type EmbeddedCompanion,
  type EmbeddedRun,
  type EmbeddedServiceDeps,
} from './embedded-service';
export type {
  EmbeddedFolders,
  EmbeddedRuntime,
  EmbeddedWishes,
  Launch,
  LaunchRequest,
  LocalPty,
  PreparedPlace,
  PtyLauncher,
} from './ports';
