export { SettingsService, type SettingsServiceDeps } from './settings-service';
export type { SettingsGeneration, SettingsStore } from './ports';
