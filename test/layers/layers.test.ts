import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const violationsFolder = path.join(import.meta.dirname, 'violations');
const cruiser = path.join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

async function violationsOf(folder: string, entries: readonly string[]): Promise<Violation[]> {
  const config = path.join(root, '.dependency-cruiser.cjs');
  const command = [cruiser, ...entries, '--config', config, '--output-type', 'json'];
  // It exits with the number of violations; the report is on standard output either way.
  const { stdout } = await run(process.execPath, command, { cwd: folder, maxBuffer: 64 * 1024 * 1024 }).catch(
    (error: unknown) => {
      if (
        typeof error === 'object' &&
        error !== null &&
        'stdout' in error &&
        typeof error.stdout === 'string'
      ) {
        return { stdout: error.stdout };
      }
      throw error;
    },
  );
  const report = JSON.parse(stdout) as { summary: { violations: Violation[]; totalCruised: number } };
  expect(report.summary.totalCruised).toBeGreaterThan(0);
  return report.summary.violations;
}

describe('the layer rules', () => {
  it('find nothing to object to in the project itself', async () => {
    expect(await violationsOf(root, ['electron', 'renderer'])).toEqual([]);
  });

  it('catch every one of the deliberate violations, and nothing else beside them', async () => {
    const files = (await readdir(violationsFolder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && /^violates-.*\.tsx?$/.test(entry.name))
      .map((entry) => path.relative(violationsFolder, path.join(entry.parentPath, entry.name)));
    expect(files.length).toBeGreaterThanOrEqual(14);
    const violations = await violationsOf(violationsFolder, ['electron', 'renderer']);
    expect([...new Set(violations.map(({ from }) => from))].sort()).toEqual(files.sort());
  });
});
