import type { GpuService } from '../../services/gpu';
import type { LogsService } from '../../services/logs';
import type { TelemetryService } from '../../services/telemetry';
import type { MethodRoutes, StreamRoutes } from './route';

export interface TelemetryRoutesDeps {
  readonly telemetry: TelemetryService;
  readonly gpu: GpuService;
  readonly logs: LogsService;
}

export interface TelemetryRoutes {
  readonly methods: Pick<MethodRoutes, never>;
  readonly streams: Pick<StreamRoutes, 'telemetry.watch' | 'gpu.watch' | 'logs.watch'>;
}

export function createTelemetryRoutes({ telemetry, gpu, logs }: TelemetryRoutesDeps): TelemetryRoutes {
  return {
    methods: {},
    streams: {
      'telemetry.watch': (_input, sink) => telemetry.watch(sink),
      'gpu.watch': (_input, sink) => gpu.watch(sink),
      'logs.watch': (_input, sink) => logs.watch(sink),
    },
  };
}
