import { telemetryHistorySeconds } from '../../../electron/contract';
import { axisSteps, axisTop, formatValue, highestOf, type ChartSpec } from './chart-spec';
import type { ChartSource } from './feed';
import type { Plot, PlotConstructor, PlotOptions } from './plot';
import type { Columns } from './series';

const heightPixels = 112;
const cursorGroup = 'dashboard';
/** Where the time axis has labels, in minutes before its end. */
const axisMinutes = [4, 2];

/** What the chart shows in words: the newest values, or those at the cursor. */
export interface Readout {
  /** One for each line of the chart. */
  readonly values: readonly (number | null)[];
  readonly limit: number | null;
  readonly highest: number | null;
  /** Why the newest value is missing, in the words of its source. */
  readonly missing: string | null;
  /** Seconds since 1970 of the values under the cursor; null for the newest. */
  readonly atSeconds: number | null;
}

export interface ChartDrawing {
  /** Draws what has come meanwhile, at the next frame and only while the chart can be seen. */
  setVisible(visible: boolean): void;
  resize(widthPixels: number): void;
  /** Moves the cursor by samples, for the keyboard; `first` and `last` jump, `leave` takes it away. */
  moveCursor(to: number | 'first' | 'last' | 'leave'): void;
  dispose(): void;
}

/** The newest values in words, for a chart that is not drawn because nobody sees it. */
export function readNewest<Sample extends { readonly timeMs: number }>(
  spec: ChartSpec<Sample>,
  source: ChartSource<Sample>,
): Readout {
  return readAt(spec, source, readColumns(spec, source), null);
}

function readColumns<Sample extends { readonly timeMs: number }>(
  spec: ChartSpec<Sample>,
  source: ChartSource<Sample>,
): Columns {
  return source.series.columns(...spec.lines.map((line) => line.value), ...(spec.limit ? [spec.limit] : []));
}

/** `index` is a position in the columns; null is the newest. */
function readAt<Sample extends { readonly timeMs: number }>(
  spec: ChartSpec<Sample>,
  source: ChartSource<Sample>,
  columns: Columns,
  index: number | null,
): Readout {
  const position = index ?? columns[0].length - 1;
  const at = (column: number) => columns[column + 1]?.[position] ?? null;
  const { latest } = source.series;
  return {
    values: spec.lines.map((_, line) => at(line)),
    limit: spec.limit ? at(spec.lines.length) : null,
    highest: highestOf(spec.lines.map((_, line) => highestOf(columns[line + 1] ?? []))),
    missing: latest && at(0) === null ? (spec.missing?.(latest) ?? null) : null,
    atSeconds: index === null ? null : (columns[0][index] ?? null),
  };
}

/**
 * One canvas that follows a source, outside React: a tick sets new data and writes the readout, and renders no
 * component. Colours are read from the tokens at each drawing, so a new theme needs only a new drawing.
 */
export function drawChart<Sample extends { readonly timeMs: number }>(options: {
  readonly constructor: PlotConstructor;
  readonly target: HTMLElement;
  readonly widthPixels: number;
  readonly spec: ChartSpec<Sample>;
  readonly source: ChartSource<Sample>;
  readonly onReadout: (readout: Readout) => void;
}): ChartDrawing {
  const { target, spec, source, onReadout } = options;
  let columns = readColumns(spec, source);
  let visible = false;
  let outdated = true;
  let frame: number | null = null;

  const readout = (index: number | null) => onReadout(readAt(spec, source, columns, index));

  const plot: Plot = new options.constructor(
    plotOptions(spec, options.widthPixels, {
      columns: () => columns,
      onCursor: (index) => readout(index),
    }),
    asPlotData(columns),
    target,
  );

  const draw = () => {
    frame = null;
    if (!visible || !outdated) return;
    outdated = false;
    columns = readColumns(spec, source);
    plot.setData(asPlotData(columns), true);
    readout(plot.cursor.idx ?? null);
  };
  const schedule = () => {
    if (visible && outdated) frame ??= requestAnimationFrame(draw);
  };
  const onTick = () => {
    outdated = true;
    schedule();
  };
  const stopTicks = source.onTick(onTick);
  const themes = new MutationObserver(() => plot.redraw(false, true));
  themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });

  return {
    setVisible: (next) => {
      visible = next;
      schedule();
    },
    resize: (widthPixels) => {
      if (widthPixels > 0 && widthPixels !== plot.width)
        plot.setSize({ width: widthPixels, height: heightPixels });
    },
    moveCursor: (to) => {
      const times = columns[0];
      if (to === 'leave' || times.length === 0) {
        plot.setCursor({ left: -10, top: -10 });
        return;
      }
      const last = times.length - 1;
      const from = plot.cursor.idx ?? last;
      const wanted = to === 'first' ? 0 : to === 'last' ? last : from + to;
      const index = Math.min(last, Math.max(0, wanted));
      plot.setCursor({ left: plot.valToPos(times[index] ?? 0, 'x'), top: heightPixels / 2 });
    },
    dispose: () => {
      stopTicks();
      themes.disconnect();
      if (frame !== null) cancelAnimationFrame(frame);
      plot.destroy();
    },
  };
}

function asPlotData(columns: Columns): [number[], ...(number | null)[][]] {
  const [times, ...values] = columns;
  return [[...times], ...values.map((column) => [...column])];
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function plotOptions<Sample>(
  spec: ChartSpec<Sample>,
  widthPixels: number,
  live: { readonly columns: () => Columns; readonly onCursor: (index: number | null) => void },
): PlotOptions {
  const font = `11px ${token('--font-sans') || 'sans-serif'}`;
  const muted = () => token('--color-text-muted');
  const grid = { stroke: () => token('--chart-grid'), width: 1 };
  const single = spec.lines.length === 1;
  return {
    width: widthPixels,
    height: heightPixels,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 7 },
      sync: { key: cursorGroup, setSeries: false },
    },
    scales: {
      x: {
        time: true,
        // Always the whole window, ending at the newest sample: a short history does not look like a long one.
        range: (_plot, _smallest, largest: number | null) => {
          const end = largest ?? Date.now() / 1000;
          return [end - telemetryHistorySeconds, end];
        },
      },
      y: {
        range: () => {
          const columns = live.columns();
          const highest = highestOf(spec.lines.map((_, line) => highestOf(columns[line + 1] ?? [])));
          const limit = spec.limit ? highestOf(columns[spec.lines.length + 1] ?? []) : null;
          return [0, axisTop(spec, highest, limit)];
        },
      },
    },
    axes: [
      {
        stroke: muted,
        font,
        grid: { show: false },
        ticks: { show: false },
        size: 20,
        gap: 4,
        // Relative to the newest sample, so that labels stand still while the lines move.
        splits: (plot) => axisMinutes.map((minutes) => (plot.scales['x']?.max ?? 0) - minutes * 60),
        values: () => axisMinutes.map((minutes) => `−${minutes} min`),
      },
      {
        stroke: muted,
        font,
        grid,
        ticks: { show: false },
        size: 62,
        gap: 6,
        space: 26,
        incrs: axisSteps(spec.unit),
        values: (_plot, splits) => splits.map((value) => formatValue(value, spec.unit)),
      },
    ],
    series: [
      {},
      ...spec.lines.map((line) => ({
        label: line.name,
        stroke: () => token(line.colour),
        // The tokens are #rrggbb; two digits more make the tint.
        fill: single ? () => `${token(line.colour)}1f` : undefined,
        width: 1.5,
        points: { show: false },
        spanGaps: false,
      })),
      ...(spec.limit
        ? [
            {
              label: 'Limit',
              stroke: () => token('--color-border-strong'),
              width: 1,
              dash: [5, 4],
              points: { show: false },
              spanGaps: false,
            },
          ]
        : []),
    ],
    hooks: { setCursor: [(plot) => live.onCursor(plot.cursor.idx ?? null)] },
  };
}
