import type { GpuFacts, GpuSample, LmError } from '../../contract';

/** One row of one GPU, as one probe reads it. */
export interface GpuReading {
  readonly facts: GpuFacts;
  /** Everything but the time, which the service gives to all readings of one tick. */
  readonly values: Omit<GpuSample, 'timeMs'>;
  /** The driver lists this GPU but no longer reaches it. */
  readonly lost: boolean;
}

export interface GpuProbeHandlers {
  /** GPUs come in the order of their index; a lower or equal index begins the next tick. */
  onReading(reading: GpuReading): void;
  /** The probe has ended, always with the reason. Called at most once. */
  onEnd(error: LmError): void;
}

/** Reads the GPUs that a container has, about once a second. */
export interface GpuProbe {
  /** The returned function ends the probe and everything it runs in the container, and silences the handlers. */
  watch(containerId: string, handlers: GpuProbeHandlers): () => void;
}

export interface ContainerProcessHandlers {
  onLine(source: 'stdout' | 'stderr', line: string): void;
  /** The process ended with `exitCode` (null: unknown), or could not be run or followed. Called at most once. */
  onEnd(outcome: { readonly exitCode: number | null } | { readonly error: LmError }): void;
}

/** Runs a program in a container without a terminal and reads its lines. */
export interface ContainerProcessRunner {
  /**
   * Starts `command`. The returned function ends it in the container and silences the handlers; it also ends
   * when this host goes away.
   */
  start(containerId: string, command: readonly string[], handlers: ContainerProcessHandlers): () => void;
}
