export { TelemetryService, type TelemetryServiceDeps } from './telemetry-service';
export { BackOff, type BackOffOptions } from './back-off';
export { History } from './history';
export { Watchers } from './watchers';
export { describeNotRunning } from './not-running';
export type { ContainerCounters, ContainerStatsHandlers, ContainerStatsSource } from './ports';
