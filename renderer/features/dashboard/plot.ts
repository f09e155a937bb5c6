import type uPlot from 'uplot';

export type Plot = uPlot;
export type PlotConstructor = new (
  options: uPlot.Options,
  data: uPlot.AlignedData,
  target: HTMLElement,
) => uPlot;
export type PlotOptions = uPlot.Options;

let loading: Promise<PlotConstructor> | null = null;

/** uPlot with its style sheet, loaded when the first chart is shown. */
export function loadPlot(): Promise<PlotConstructor> {
  loading ??= Promise.all([import('uplot'), import('uplot/dist/uPlot.min.css')]).then(
    ([module]) => module.default,
    (error: unknown) => {
      // A failed load must not be remembered: the next chart tries again.
      loading = null;
      throw error;
    },
  );
  return loading;
}
