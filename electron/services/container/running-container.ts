import type { GpuChoice } from '../../contract';
import type { Unsubscribe } from '../foundation';

/** The sandbox container while it runs: all that terminals, chat and telemetry need to reach it. */
export interface RunningContainer {
  readonly containerId: string;
  /** Changes whenever the container is started anew, so that users of the old run can let go. */
  readonly runId: string;
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly gatewayUrl: string;
  readonly gatewayToken: string;
  readonly gpuChoice: GpuChoice;
}

/** Read side of the sandbox that other services are built on. */
export interface RunningContainerSource {
  current(): RunningContainer | null;
  /** The running container, or an LmError: `engine_…`, `container_missing` or `container_not_running`. */
  require(): RunningContainer;
  onChanged(listener: (running: RunningContainer | null) => void): Unsubscribe;
}
