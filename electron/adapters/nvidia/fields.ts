import type { GpuFacts, GpuSample } from '../../contract';

type NumberField = {
  [K in keyof GpuSample]: GpuSample[K] extends number | null ? K : never;
}[Exclude<keyof GpuSample, 'timeMs' | 'index' | 'missing'>];
type TextFact = {
  [K in keyof GpuFacts]: GpuFacts[K] extends string | null ? K : never;
}[Exclude<keyof GpuFacts, 'name'>];

/** What is read from nvidia-smi, and where it goes. `names`: newest first, the first that is known is asked for. */
export type QueryField = { readonly names: readonly [string, ...string[]] } & (
  | { readonly to: 'index' | 'name' | 'throttleReasons' | 'performanceState' }
  | { readonly to: 'fact'; readonly fact: TextFact }
  | { readonly to: 'number'; readonly value: NumberField; readonly mebibytes?: boolean }
);

/**
 * One list for every driver: what a driver does not know is left out and shown as missing. `index` stands first,
 * so that a row is recognised even when later columns surprise.
 */
export const queryFields: readonly QueryField[] = [
  { names: ['index'], to: 'index' },
  { names: ['name', 'gpu_name'], to: 'name' },
  { names: ['uuid', 'gpu_uuid'], to: 'fact', fact: 'uuid' },
  { names: ['driver_version'], to: 'fact', fact: 'driverVersion' },
  { names: ['compute_cap'], to: 'fact', fact: 'computeCapability' },
  { names: ['mig.mode.current'], to: 'fact', fact: 'migMode' },
  { names: ['persistence_mode'], to: 'fact', fact: 'persistenceMode' },
  { names: ['pstate'], to: 'performanceState' },
  { names: ['clocks_event_reasons.active', 'clocks_throttle_reasons.active'], to: 'throttleReasons' },
  { names: ['memory.total'], to: 'number', value: 'memoryTotalBytes', mebibytes: true },
  { names: ['memory.reserved'], to: 'number', value: 'memoryReservedBytes', mebibytes: true },
  { names: ['memory.used'], to: 'number', value: 'memoryUsedBytes', mebibytes: true },
  { names: ['utilization.gpu'], to: 'number', value: 'utilisationPercent' },
  { names: ['utilization.memory'], to: 'number', value: 'memoryUtilisationPercent' },
  { names: ['temperature.gpu'], to: 'number', value: 'temperatureCelsius' },
  { names: ['power.draw'], to: 'number', value: 'powerWatts' },
  { names: ['enforced.power.limit', 'power.limit'], to: 'number', value: 'powerLimitWatts' },
  { names: ['fan.speed'], to: 'number', value: 'fanPercent' },
  { names: ['clocks.current.sm', 'clocks.sm'], to: 'number', value: 'smClockMegahertz' },
  { names: ['clocks.current.memory', 'clocks.mem'], to: 'number', value: 'memoryClockMegahertz' },
];

/** A query for one driver: the columns asked for, in order, and the fields it has no name for. */
export interface Query {
  readonly columns: readonly { readonly name: string; readonly field: QueryField }[];
  readonly unknown: readonly QueryField[];
}

/** The names `nvidia-smi --help-query-gpu` lists: each in quotation marks, several spellings in one line. */
export function parseKnownFields(helpLines: readonly string[]): Set<string> {
  const known = new Set<string>();
  for (const line of helpLines) {
    // Only lines that begin with a name: the explanations below them quote words too.
    if (!/^\s*"/.test(line)) continue;
    for (const match of line.matchAll(/"([a-z0-9_.]+)"/g)) if (match[1]) known.add(match[1]);
  }
  return known;
}

export function buildQuery(known: ReadonlySet<string>): Query {
  const columns: Query['columns'][number][] = [];
  const unknown: QueryField[] = [];
  for (const field of queryFields) {
    const name = field.names.find((candidate) => known.has(candidate));
    if (name === undefined) unknown.push(field);
    else columns.push({ name, field });
  }
  return { columns, unknown };
}
