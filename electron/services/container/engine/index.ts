export { EngineService, type EngineServiceDeps } from './engine-service';
