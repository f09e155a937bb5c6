export { GpuService, type GpuServiceDeps } from './gpu-service';
export type {
  ContainerProcessHandlers,
  ContainerProcessRunner,
  GpuProbe,
  GpuProbeHandlers,
  GpuReading,
} from './ports';
