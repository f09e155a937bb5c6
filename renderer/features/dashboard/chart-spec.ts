import type { ContainerSample, GpuSample } from '../../../electron/contract';
import { formatBytes, formatCount, formatPercent, formatRate } from '../../lib/format';

/** How values of a chart are written and which steps its axis takes. */
export type ChartUnit = 'percent' | 'bytes' | 'rate' | 'count' | 'watts' | 'celsius';

export interface ChartLine<Sample> {
  /** Shown in the legend where there are several lines. */
  readonly name: string;
  /** Custom property of the token file. */
  readonly colour: `--chart-${1 | 2 | 3 | 4 | 5 | 6}`;
  readonly value: (sample: Sample) => number | null;
}

export interface ChartSpec<Sample> {
  readonly title: string;
  readonly unit: ChartUnit;
  readonly lines: readonly [ChartLine<Sample>, ...ChartLine<Sample>[]];
  /** A dashed line that the values cannot pass. */
  readonly limit?: (sample: Sample) => number | null;
  /** Why a sample has no value, where the source says so. */
  readonly missing?: (sample: Sample) => string | null;
  /** The axis reaches at least this far, so that noise does not look like load. */
  readonly smallestTop: number;
  /** The axis always ends here, for shares of a whole. */
  readonly fixedTop?: number;
}

const mebibyte = 1024 * 1024;

export const cpuChart: ChartSpec<ContainerSample> = {
  title: 'CPU',
  unit: 'percent',
  lines: [{ name: 'CPU', colour: '--chart-1', value: (sample) => sample.cpuPercent }],
  smallestTop: 5,
};

export const memoryChart: ChartSpec<ContainerSample> = {
  title: 'Memory',
  unit: 'bytes',
  lines: [{ name: 'Used', colour: '--chart-2', value: (sample) => sample.memoryUsedBytes }],
  limit: (sample) => sample.memoryLimitBytes,
  smallestTop: 16 * mebibyte,
};

export const networkChart: ChartSpec<ContainerSample> = {
  title: 'Network',
  unit: 'rate',
  lines: [
    { name: 'In', colour: '--chart-3', value: (sample) => sample.networkReceivedBytesPerSecond },
    { name: 'Out', colour: '--chart-4', value: (sample) => sample.networkSentBytesPerSecond },
  ],
  smallestTop: 1024,
};

export const blockChart: ChartSpec<ContainerSample> = {
  title: 'Disk',
  unit: 'rate',
  lines: [
    { name: 'Read', colour: '--chart-5', value: (sample) => sample.blockReadBytesPerSecond },
    { name: 'Write', colour: '--chart-6', value: (sample) => sample.blockWrittenBytesPerSecond },
  ],
  smallestTop: 1024,
};

export const pidsChart: ChartSpec<ContainerSample> = {
  title: 'Processes',
  unit: 'count',
  lines: [{ name: 'Processes', colour: '--chart-1', value: (sample) => sample.pids }],
  smallestTop: 8,
};

/** Where the other charts are of the whole computer. */
export const insideChart: ChartSpec<ContainerSample> = { ...pidsChart, title: 'Processes in the sandbox' };

export const containerCharts = [cpuChart, memoryChart, networkChart, blockChart, pidsChart] as const;

export const gpuUtilisationChart: ChartSpec<GpuSample> = {
  title: 'Utilisation',
  unit: 'percent',
  lines: [{ name: 'GPU', colour: '--chart-1', value: (sample) => sample.utilisationPercent }],
  missing: (sample) => sample.missing['utilisationPercent'] ?? null,
  smallestTop: 100,
  fixedTop: 100,
};

export const gpuMemoryChart: ChartSpec<GpuSample> = {
  title: 'VRAM',
  unit: 'bytes',
  lines: [{ name: 'Used', colour: '--chart-2', value: (sample) => sample.memoryUsedBytes }],
  limit: (sample) => sample.memoryTotalBytes,
  missing: (sample) => sample.missing['memoryUsedBytes'] ?? null,
  smallestTop: 256 * mebibyte,
};

export const gpuPowerChart: ChartSpec<GpuSample> = {
  title: 'Power',
  unit: 'watts',
  lines: [{ name: 'Power', colour: '--chart-3', value: (sample) => sample.powerWatts }],
  limit: (sample) => sample.powerLimitWatts,
  missing: (sample) => sample.missing['powerWatts'] ?? null,
  smallestTop: 50,
};

export function formatValue(value: number | null, unit: ChartUnit): string {
  if (value === null) return formatCount(null);
  switch (unit) {
    case 'percent':
      return formatPercent(value);
    case 'bytes':
      return formatBytes(value);
    case 'rate':
      return formatRate(value);
    case 'count':
      return formatCount(Math.round(value));
    case 'watts':
      return `${Math.round(value)} W`;
    case 'celsius':
      return `${Math.round(value)} °C`;
  }
}

/** Steps an axis may take, ascending: powers of two for bytes, else 1, 2 and 5 times powers of ten. */
export function axisSteps(unit: ChartUnit): number[] {
  const steps: number[] = [];
  if (unit === 'bytes' || unit === 'rate') {
    for (let exponent = 0; exponent <= 50; exponent += 1) steps.push(2 ** exponent);
    return steps;
  }
  for (let power = 0; power <= 6; power += 1) steps.push(10 ** power, 2 * 10 ** power, 5 * 10 ** power);
  return steps;
}

/**
 * Upper end of the value axis: some room above the highest value; up to the limit once values come near it, so
 * that the distance to it is seen.
 */
export function axisTop(
  spec: Pick<ChartSpec<never>, 'smallestTop' | 'fixedTop'>,
  highest: number | null,
  limit: number | null,
): number {
  if (spec.fixedTop !== undefined) return Math.max(spec.fixedTop, highest ?? 0);
  const top = Math.max(spec.smallestTop, (highest ?? 0) * 1.15);
  return limit !== null && highest !== null && highest > limit / 4 ? Math.max(limit * 1.05, highest) : top;
}

export function highestOf(column: readonly (number | null)[]): number | null {
  let highest: number | null = null;
  for (const value of column) if (value !== null && (highest === null || value > highest)) highest = value;
  return highest;
}
