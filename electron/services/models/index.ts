export { backendOf, requirePlaceOf, type BackendDeps } from './backends';
export { quantisationIn } from './gguf';
export { ModelsService, type ModelsServiceDeps } from './models-service';
export type {
  ChatEvent,
  ChatRequest,
  ChatTurn,
  GenerationMetrics,
  JsonObject,
  LlmBackend,
  ModelImporter,
  ModelPuller,
  ModelUpload,
  PullProgress,
  Tool,
  ToolCall,
  ToolOffer,
} from './ports';
export { SpeedMeter } from './speed';
export { CalledTools, readCalls } from './called-tools';
