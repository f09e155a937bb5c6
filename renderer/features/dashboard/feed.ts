import { createStore, type StoreApi } from 'zustand/vanilla';
import {
  telemetryHistorySeconds,
  type ContainerSample,
  type ErrorData,
  type GpuSample,
  type GpuState,
} from '../../../electron/contract';
import type { HostClient, OpenStream } from '../../../electron/rpc/client-types';
import { Series } from './series';

const windowMs = telemetryHistorySeconds * 1000;

/** Where charts get their columns and learn that there are new ones. */
export interface ChartSource<Sample extends { readonly timeMs: number }> {
  readonly series: Series<Sample>;
  onTick(listener: () => void): () => void;
}

class Ticker {
  private readonly listeners = new Set<() => void>();

  readonly onTick = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  tick(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

export interface ContainerFeedState {
  /** False until the host has answered. */
  readonly ready: boolean;
  /** Why no samples come; null while they do. */
  readonly error: ErrorData | null;
  readonly onlineCpus: number | null;
}

/** The container's samples while the dashboard is visible; history comes with each opening of the stream. */
export class ContainerFeed implements ChartSource<ContainerSample> {
  readonly series = new Series<ContainerSample>(windowMs);
  readonly state: StoreApi<ContainerFeedState> = createStore<ContainerFeedState>(() => ({
    ready: false,
    error: null,
    onlineCpus: null,
  }));
  private readonly ticker = new Ticker();
  readonly onTick = this.ticker.onTick;

  open(host: HostClient): () => void {
    const stream = host.watch('telemetry.watch', null, {
      onChunk: (chunk, consumed) => {
        if (chunk.kind === 'state') {
          this.series.replace(chunk.history);
          this.state.setState({ ready: true, error: chunk.error, onlineCpus: chunk.onlineCpus });
        } else {
          this.series.push(chunk.sample);
        }
        this.ticker.tick();
        consumed();
      },
      onError: (error) => this.state.setState({ ready: true, error: error.data }),
    });
    return closing(stream);
  }
}

/** One GPU's samples. */
export class GpuSource implements ChartSource<GpuSample> {
  readonly series = new Series<GpuSample>(windowMs);
  /** The newest values, for the card: one small render a second. */
  readonly latest: StoreApi<GpuSample | null> = createStore<GpuSample | null>(() => null);
  private readonly ticker = new Ticker();
  readonly onTick = this.ticker.onTick;

  replace(samples: readonly GpuSample[]): void {
    this.series.replace(samples);
    this.changed();
  }

  push(sample: GpuSample): void {
    this.series.push(sample);
    this.changed();
  }

  private changed(): void {
    this.latest.setState(this.series.latest, true);
    this.ticker.tick();
  }
}

export class GpuFeed {
  readonly state: StoreApi<GpuState> = createStore<GpuState>(() => ({ status: 'waiting' }));
  private readonly sources = new Map<number, GpuSource>();

  /** The samples of the GPU with that index. */
  source(index: number): GpuSource {
    const known = this.sources.get(index);
    if (known) return known;
    const created = new GpuSource();
    this.sources.set(index, created);
    return created;
  }

  open(host: HostClient): () => void {
    const stream = host.watch('gpu.watch', null, {
      onChunk: (chunk, consumed) => {
        if (chunk.kind === 'state') {
          const indexes = new Set([...this.sources.keys(), ...chunk.history.map((sample) => sample.index)]);
          for (const index of indexes) {
            this.source(index).replace(chunk.history.filter((sample) => sample.index === index));
          }
          this.state.setState(chunk.state, true);
        } else {
          for (const sample of chunk.samples) this.source(sample.index).push(sample);
        }
        consumed();
      },
      onError: (error) => this.state.setState({ status: 'unavailable', error: error.data }, true),
    });
    return closing(stream);
  }
}

function closing(stream: OpenStream): () => void {
  return () => stream.close();
}
