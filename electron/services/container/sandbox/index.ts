export { SandboxService, type SandboxServiceDeps } from './sandbox-service';
