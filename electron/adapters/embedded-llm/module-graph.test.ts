import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.join(__dirname, '../../..');

/** Files that loading `entry` loads too: its imports and theirs, without those of types only. */
function loadedWith(
  entry: string,
  dynamic: boolean,
): { readonly files: Set<string>; readonly packages: Set<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const text = readFileSync(file, 'utf8');
    const found = [...text.matchAll(/^(?:import|export)\s(?!type\b)(?:[^'";]*?\sfrom\s)?'([^']+)'/gm)];
    if (dynamic) found.push(...text.matchAll(/await import\('([^']+)'\)/g));
    for (const [, name = ''] of found) {
      if (!name.startsWith('.')) packages.add(name);
      else {
        const base = path.join(path.dirname(file), name);
        const target = [`${base}.ts`, path.join(base, 'index.ts')].find((candidate) => existsSync(candidate));
        if (target) visit(target);
      }
    }
  };
  visit(path.join(root, entry));
  return { files, packages };
}

test('Starting a host loads neither node-llama-cpp nor anything of the model process', () => {
  const { files, packages } = loadedWith('electron/host/create-host.ts', true);
  // The search does reach the adapter that would start the process.
  expect(files).toContain(path.join(root, 'electron/adapters/embedded-llm/llm-process.ts'));
  expect([...packages].filter((name) => name.includes('llama'))).toEqual([]);
  expect([...files].filter((file) => file.includes('embedded-llm/child'))).toEqual([]);
});

test('The model process loads node-llama-cpp, and only when a model is loaded', () => {
  const entry = 'electron/adapters/embedded-llm/child/main.ts';
  expect(loadedWith(entry, true).packages).toContain('node-llama-cpp');
  expect(loadedWith(entry, false).packages).not.toContain('node-llama-cpp');
});
