import {
  telemetryHistorySeconds,
  type EngineGpu,
  type ErrorData,
  type GpuChunk,
  type GpuFacts,
  type GpuSample,
  type GpuState,
  type StreamSink,
} from '../../contract';
import type { RunningContainer, RunningContainerSource } from '../container/running-container';
import type { Clock, Disposable, Logger } from '../foundation';
import { BackOff, History, Watchers, describeNotRunning } from '../telemetry';
import type { GpuProbe, GpuReading } from './ports';
import { describeCpuChoice, describeLostGpus, describeSilence } from './reasons';
import { TickCollector } from './tick-collector';

export interface GpuServiceDeps {
  readonly running: RunningContainerSource;
  readonly probe: GpuProbe;
  /** What the engine says of GPUs, null while no engine is connected: the reason when there is none. */
  readonly engineGpu: () => EngineGpu | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

const silenceMs = 20_000;
/** For histories of several GPUs; the window in time is the real bound. */
const historyCapacity = telemetryHistorySeconds * 16;

/**
 * The GPUs of the sandbox container: their values once a second, or the reason why there are none. A probe that
 * fails is started again with growing pauses, unless only a new container can help.
 */
export class GpuService implements Disposable {
  private readonly history = new History<GpuSample>(telemetryHistorySeconds * 1000, historyCapacity);
  private readonly watchers = new Watchers<GpuChunk>();
  private readonly backOff: BackOff;
  private readonly ticks: TickCollector;
  private readonly stopFollowing: () => void;
  private container: RunningContainer | null = null;
  private lastContainerId: string | null = null;
  private state: GpuState = { status: 'waiting' };
  private stopProbe: () => void = () => undefined;
  private cancelSilence: () => void = () => undefined;

  constructor(private readonly deps: GpuServiceDeps) {
    this.backOff = new BackOff(deps.clock, { firstDelayMs: 2_000, longestDelayMs: 60_000 });
    this.ticks = new TickCollector(deps.clock, (readings) => this.acceptTick(readings));
    this.stopFollowing = deps.running.onChanged((running) => this.follow(running));
    this.begin(deps.running.current());
  }

  /** Sends state and history, then the values once a second, until the sink is closed. */
  watch(sink: StreamSink<GpuChunk>): void {
    if (this.container?.gpuChoice !== 'all') this.state = this.stateWithoutProbe(this.container);
    sink.send(this.stateChunk());
    this.watchers.add(sink);
  }

  dispose(): void {
    this.stopFollowing();
    this.stop();
    this.watchers.endAll();
  }

  private follow(running: RunningContainer | null): void {
    if (running && running.runId === this.container?.runId) return;
    this.stop();
    this.begin(running);
  }

  private begin(running: RunningContainer | null): void {
    this.container = running;
    if (running) {
      if (running.containerId !== this.lastContainerId) this.history.clear();
      this.lastContainerId = running.containerId;
    }
    this.setState(this.stateWithoutProbe(running));
    if (running?.gpuChoice === 'all') this.probe(running);
  }

  private stateWithoutProbe(running: RunningContainer | null): GpuState {
    if (running?.gpuChoice === 'all') return { status: 'waiting' };
    if (running) return { status: 'unavailable', error: describeCpuChoice(this.deps.engineGpu()) };
    const error = this.deps.engineGpu()?.error ?? describeNotRunning(this.deps.running);
    return error ? { status: 'unavailable', error } : { status: 'waiting' };
  }

  private probe(running: RunningContainer): void {
    this.watchSilence(running);
    this.stopProbe = this.deps.probe.watch(running.containerId, {
      onReading: (reading) => {
        this.watchSilence(running);
        this.ticks.push(reading);
      },
      onEnd: (error) => {
        this.deps.logger.warn('The GPU probe ended', { error });
        this.failed(running, error.data);
      },
    });
  }

  private watchSilence(running: RunningContainer): void {
    this.cancelSilence();
    this.cancelSilence = this.deps.clock.after(silenceMs, () => {
      this.stopProbe();
      this.failed(running, describeSilence(silenceMs));
    });
  }

  private failed(running: RunningContainer, error: ErrorData): void {
    this.cancelSilence();
    this.ticks.clear();
    this.setState({ status: 'unavailable', error });
    if (!error.retryable) return;
    this.backOff.retry(() => {
      if (this.container?.runId === running.runId) this.probe(running);
    });
  }

  private acceptTick(readings: readonly GpuReading[]): void {
    if (readings.every((reading) => reading.lost)) {
      this.setState({ status: 'unavailable', error: describeLostGpus() });
      return;
    }
    const timeMs = this.deps.clock.nowMs();
    const samples = readings.map(({ values }) => ({ timeMs, ...values }));
    this.backOff.succeeded();
    this.history.push(...samples);
    const gpus = readings.map((reading) => reading.facts);
    if (this.state.status === 'available' && sameFacts(this.state.gpus, gpus)) {
      this.watchers.sendWritable({ kind: 'samples', samples });
    } else {
      this.setState({ status: 'available', gpus });
    }
  }

  private setState(state: GpuState): void {
    if (state.status !== 'available' && JSON.stringify(state) === JSON.stringify(this.state)) return;
    this.state = state;
    this.watchers.sendAll(this.stateChunk());
  }

  private stateChunk(): GpuChunk {
    return { kind: 'state', state: this.state, history: this.history.list() };
  }

  private stop(): void {
    this.stopProbe();
    this.stopProbe = () => undefined;
    this.cancelSilence();
    this.ticks.clear();
    this.backOff.reset();
  }
}

function sameFacts(before: readonly GpuFacts[], after: readonly GpuFacts[]): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}
