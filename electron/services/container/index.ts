export { EngineService, type EngineServiceDeps } from './engine';
export { ImageService, type ImageServiceDeps } from './image';
export { SandboxService, type SandboxServiceDeps } from './sandbox';
export type { RunningContainer, RunningContainerSource } from './running-container';
