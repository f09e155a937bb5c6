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
