import type { GpuSample } from '../../contract';
import type { GpuReading } from '../../services/gpu/ports';
import type { Query, QueryField } from './fields';
import { decodeReasons } from './throttle-reasons';

const bytesPerMebibyte = 1024 * 1024;
const separator = /,\s*/;

/** True for the line with the column names, which nvidia-smi prints once, with units in brackets. */
export function isHeader(line: string, query: Query): boolean {
  const names = line.split(separator).map((cell) => cell.replace(/\s*\[[^\]]*\]$/, '').trim());
  return (
    names.length === query.columns.length && names.every((name, index) => name === query.columns[index]?.name)
  );
}

/**
 * One row of `--query-gpu=… --format=csv`, or null for a line that is none (a message of nvidia-smi's). Every
 * value that is not there becomes null with nvidia-smi's own word for it, never zero.
 */
export function parseRow(line: string, query: Query): GpuReading | null {
  const cells = splitRow(line, query);
  if (!cells) return null;
  const row: RowBuilder = {
    index: null,
    name: null,
    facts: {
      uuid: null,
      driverVersion: null,
      computeCapability: null,
      migMode: null,
      persistenceMode: null,
    },
    values: {
      utilisationPercent: null,
      memoryUtilisationPercent: null,
      memoryTotalBytes: null,
      memoryUsedBytes: null,
      memoryReservedBytes: null,
      temperatureCelsius: null,
      powerWatts: null,
      powerLimitWatts: null,
      fanPercent: null,
      smClockMegahertz: null,
      memoryClockMegahertz: null,
      performanceState: null,
      throttleReasons: null,
    },
    missing: {},
  };
  query.columns.forEach(({ field }, position) => readCell(row, field, cells[position] ?? ''));
  for (const field of query.unknown) {
    const name = missingName(field);
    if (name) row.missing[name] = `not known to this driver's nvidia-smi (${field.names[0]})`;
  }
  if (row.index === null) return null;
  const name = row.name ?? `GPU ${row.index}`;
  return {
    facts: { index: row.index, name, ...row.facts, simulated: /\bsimulated\b/i.test(name) },
    values: { index: row.index, ...row.values, missing: row.missing },
    lost: isLost(row.missing),
  };
}

/** What every GPU reports that can be reached, also with MIG: errors in all of it mean that it cannot. */
const alwaysReported = ['memoryUsedBytes', 'memoryTotalBytes', 'temperatureCelsius'];

function isLost(missing: Readonly<Record<string, string>>): boolean {
  if (Object.values(missing).some((reason) => /is lost|requires reset/i.test(reason))) return true;
  return alwaysReported.every((name) => /unknown error|^ERR!$/i.test(missing[name] ?? ''));
}

interface RowBuilder {
  index: number | null;
  name: string | null;
  facts: Omit<GpuReading['facts'], 'index' | 'name' | 'simulated'>;
  values: Omit<GpuSample, 'timeMs' | 'index' | 'missing'>;
  missing: Record<string, string>;
}

/** The name is the only column that could hold a comma: surplus cells belong to it. */
function splitRow(line: string, query: Query): string[] | null {
  const cells = line.split(separator).map((cell) => cell.trim());
  const surplus = cells.length - query.columns.length;
  if (surplus < 0) return null;
  if (surplus === 0) return cells;
  const position = query.columns.findIndex(({ field }) => field.to === 'name');
  if (position < 0) return null;
  const name = cells.slice(position, position + surplus + 1).join(', ');
  return [...cells.slice(0, position), name, ...cells.slice(position + surplus + 1)];
}

function readCell(row: RowBuilder, field: QueryField, cell: string): void {
  const absent = isAbsent(cell);
  const name = missingName(field);
  if (absent && name) row.missing[name] = cell || '(empty)';
  if (absent) return;
  switch (field.to) {
    case 'index':
      row.index = /^\d{1,4}$/.test(cell) ? Number(cell) : null;
      return;
    case 'name':
      row.name = cell;
      return;
    case 'fact':
      row.facts[field.fact] = cell;
      return;
    case 'performanceState':
      row.values.performanceState = cell;
      return;
    case 'throttleReasons':
      row.values.throttleReasons = decodeReasons(cell);
      if (row.values.throttleReasons === null) row.missing['throttleReasons'] = cell;
      return;
    case 'number': {
      const value = parseNumber(cell, field.mebibytes ?? false);
      row.values[field.value] = value;
      if (value === null) row.missing[field.value] = cell;
    }
  }
}

/** `[N/A]`, bare `N/A`, an empty cell, and anything else in brackets: `[Unknown Error]`, `[Not Supported]`, … */
function isAbsent(cell: string): boolean {
  return cell === '' || cell === '-' || /^N\/A$/i.test(cell) || /^\[.*\]$/.test(cell) || /^ERR!$/i.test(cell);
}

function parseNumber(cell: string, mebibytes: boolean): number | null {
  const match = /^(\d+(?:\.\d+)?)(?:\s*(?:MiB|%|W|MHz|C))?$/.exec(cell);
  if (!match) return null;
  const value = Number(match[1]);
  return mebibytes ? Math.round(value * bytesPerMebibyte) : value;
}

function missingName(field: QueryField): string | null {
  switch (field.to) {
    case 'number':
      return field.value;
    case 'fact':
      return field.fact;
    case 'performanceState':
    case 'throttleReasons':
      return field.to;
    case 'index':
    case 'name':
      return null;
  }
}
