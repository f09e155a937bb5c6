export { backendOf, requirePlaceOf, type BackendDeps } from './backends';
export { quantisationIn } from './gguf';
export { ModelsService, type ModelsServiceDeps } from './models-service';
export type {
  ChatEvent,
  ChatRequest,
  ChatTurn,
  GenerationMetrics,
  LlmBackend,
  ModelImporter,
  ModelPuller,
  ModelUpload,
  PullProgress,
} from './ports';
export { SpeedMeter } from './speed';
