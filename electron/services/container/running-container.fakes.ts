import { LmError, type GpuChoice } from '../../contract';
import { Emitter } from '../foundation';
import type { RunningContainer, RunningContainerSource } from './running-container';

/** A sandbox whose container the test starts and stops. */
export class FakeRunningContainer implements RunningContainerSource {
  private running: RunningContainer | null = null;
  private readonly changed = new Emitter<RunningContainer | null>();

  current(): RunningContainer | null {
    return this.running;
  }

  require(): RunningContainer {
    if (!this.running) throw new LmError('container_not_running', 'The sandbox is not running.');
    return this.running;
  }

  onChanged(listener: (running: RunningContainer | null) => void): () => void {
    return this.changed.on(listener);
  }

  start(containerId: string, runId: string, gpuChoice: GpuChoice = 'all'): void {
    this.running = {
      containerId,
      runId,
      gpuChoice,
      gatewayUrl: 'http://127.0.0.1:8000',
      gatewayToken: 'token',
    };
    this.changed.emit(this.running);
  }

  stop(): void {
    this.running = null;
    this.changed.emit(null);
  }

  get listeners(): number {
    return this.changed.listenerCount;
  }
}
