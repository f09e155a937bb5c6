import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {number} value
 * @property {string} unit
 * @property {number | null} baseline
 * @property {string | null} baselineName
 * @property {number | null} ratio `value / baseline`; `baseline / value` where less is better and a gain is asked for.
 */
/**
 * @typedef {Result & { target: string, met: boolean | null }} Entry
 */

const resultsFile = path.join(import.meta.dirname, '../results/latest.json');

/**
 * @param {string} name
 * @param {number} value
 * @param {string} unit
 * @param {{ baseline?: number, baselineName?: string, inverted?: boolean, ratioAtLeast?: number, ratioAtMost?: number, valueAtMost?: number }} [options]
 * @returns {Entry}
 */
export function entry(name, value, unit, options = {}) {
  const { baseline = null, baselineName = null } = options;
  const ratio = baseline === null ? null : options.inverted ? baseline / value : value / baseline;
  const bars = [
    options.ratioAtLeast !== undefined && {
      text: `ratio ≥ ${options.ratioAtLeast}`,
      met: (ratio ?? 0) >= options.ratioAtLeast,
    },
    options.ratioAtMost !== undefined && {
      text: `ratio ≤ ${options.ratioAtMost}`,
      met: (ratio ?? Infinity) <= options.ratioAtMost,
    },
    options.valueAtMost !== undefined && {
      text: `≤ ${options.valueAtMost} ${unit}`,
      met: value <= options.valueAtMost,
    },
  ].filter((bar) => bar !== false);
  return {
    name,
    value: round(value),
    unit,
    baseline: baseline === null ? null : round(baseline),
    baselineName,
    ratio: ratio === null ? null : round(ratio),
    target: bars.map((bar) => bar.text).join(', '),
    met: bars.length === 0 ? null : bars.every((bar) => bar.met),
  };
}

/** @param {readonly Entry[]} entries */
export function printTable(entries) {
  const rows = entries.map((item) => [
    item.name,
    `${item.value} ${item.unit}`,
    item.baseline === null ? '' : `${item.baseline} (${item.baselineName})`,
    item.ratio === null ? '' : String(item.ratio),
    item.target,
    item.met === null ? '' : item.met ? 'met' : 'MISSED',
  ]);
  const header = ['name', 'value', 'baseline', 'ratio', 'target', ''];
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  for (const row of [header, ...rows]) {
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

/**
 * Writes the results; those of groups that did not run stay.
 * @param {readonly Entry[]} entries
 * @param {readonly string[]} groups That ran.
 */
export function writeResults(entries, groups) {
  // Most names begin with their group; those of `anywhere` do not.
  const measured = new Set(entries.map(({ name }) => name));
  const kept = readResults().filter(
    ({ name }) => !groups.includes(name.split('.')[0] ?? '') && !measured.has(name),
  );
  const plain = entries.map(({ name, value, unit, baseline, baselineName, ratio }) => ({
    ...{ name, value, unit, baseline, baselineName, ratio },
  }));
  mkdirSync(path.dirname(resultsFile), { recursive: true });
  writeFileSync(resultsFile, `${JSON.stringify([...kept, ...plain], null, 2)}\n`);
}

/** @returns {Result[]} */
function readResults() {
  try {
    return JSON.parse(readFileSync(resultsFile, 'utf8'));
  } catch {
    // The first run.
    return [];
  }
}

/** @param {number} value */
function round(value) {
  return Number(value.toPrecision(4));
}
