import { describe, expect, it } from 'vitest';
import type { ContainerSample } from '../../../electron/contract';
import { drawChart, type Readout } from './chart-drawing';
import { memoryChart } from './chart-spec';
import type { Plot, PlotConstructor, PlotOptions } from './plot';
import { Series } from './series';

function sample(second: number, memoryUsedBytes: number | null): ContainerSample {
  return {
    timeMs: second * 1000,
    cpuPercent: null,
    memoryUsedBytes,
    memoryLimitBytes: 1_000,
    networkReceivedBytesPerSecond: null,
    networkSentBytesPerSecond: null,
    blockReadBytesPerSecond: null,
    blockWrittenBytesPerSecond: null,
    pids: null,
  };
}

/** Stands for uPlot, which needs a real canvas: keeps what it is given. */
class RecordingPlot {
  readonly drawn: unknown[] = [];
  readonly cursor: { idx: number | null } = { idx: null };
  readonly width = 300;
  redraws = 0;
  destroyed = false;

  constructor(
    readonly options: PlotOptions,
    readonly initial: unknown,
  ) {}

  setData(data: unknown): void {
    this.drawn.push(data);
  }
  redraw(): void {
    this.redraws += 1;
  }
  destroy(): void {
    this.destroyed = true;
  }
}

function setUp() {
  const series = new Series<ContainerSample>(300_000);
  const listeners = new Set<() => void>();
  const plots: RecordingPlot[] = [];
  const readouts: Readout[] = [];
  const constructor = class extends RecordingPlot {
    constructor(options: PlotOptions, data: unknown) {
      super(options, data);
      plots.push(this);
    }
  };
  const drawing = drawChart({
    constructor: constructor as unknown as PlotConstructor,
    target: document.createElement('div'),
    widthPixels: 300,
    spec: memoryChart,
    source: {
      series,
      onTick: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    onReadout: (readout) => readouts.push(readout),
  });
  const tick = (added: ContainerSample) => {
    series.push(added);
    for (const listener of listeners) listener();
  };
  const plot = plots[0];
  if (!plot) throw new Error('Nothing was drawn.');
  return { drawing, plot, readouts, tick, listeners };
}

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

describe('drawChart', () => {
  it('draws nothing while it is hidden, and everything at once when it is seen', async () => {
    const { drawing, plot, readouts, tick } = setUp();
    tick(sample(1, 400));
    tick(sample(2, 500));
    await nextFrame();
    expect(plot.drawn).toEqual([]);
    drawing.setVisible(true);
    await nextFrame();
    expect(plot.drawn).toEqual([
      [
        [1, 2],
        [400, 500],
        [1_000, 1_000],
      ],
    ]);
    expect(readouts).toEqual([{ values: [500], limit: 1_000, highest: 500, missing: null, atSeconds: null }]);
  });

  it('draws once for several ticks of one frame', async () => {
    const { drawing, plot, tick } = setUp();
    drawing.setVisible(true);
    tick(sample(1, 400));
    tick(sample(2, 500));
    await nextFrame();
    expect(plot.drawn).toHaveLength(1);
  });

  it('tells the values under the cursor, and that a value is missing instead of zero', async () => {
    const { drawing, plot, readouts, tick } = setUp();
    drawing.setVisible(true);
    tick(sample(1, 400));
    tick(sample(2, null));
    await nextFrame();
    expect(readouts.at(-1)?.values).toEqual([null]);
    plot.cursor.idx = 0;
    for (const hook of plot.options.hooks?.setCursor ?? []) hook?.(plot as unknown as Plot);
    expect(readouts.at(-1)).toMatchObject({ values: [400], atSeconds: 1 });
  });

  it('draws again in the new colours when the theme changes', async () => {
    const { drawing, plot } = setUp();
    drawing.setVisible(true);
    document.documentElement.dataset['theme'] = 'dark';
    await nextFrame();
    expect(plot.redraws).toBe(1);
    delete document.documentElement.dataset['theme'];
  });

  it('lets go of everything when it is disposed', () => {
    const { drawing, plot, listeners } = setUp();
    drawing.dispose();
    expect([plot.destroyed, listeners.size]).toEqual([true, 0]);
  });
});
