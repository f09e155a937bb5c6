import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const docker = fileURLToPath(new URL('../../../docker/', import.meta.url));
const readme = readFileSync(join(docker, 'README.md'), 'utf8');
const codes = [
  ...readFileSync(join(docker, 'gateway/src/lm_gateway/errors.py'), 'utf8').matchAll(
    /^ +[A-Z_]+ = \("([a-z_]+)", (\d{3})/gm,
  ),
].map(([, code, status]) => ({ code, status }));

/** All sources of the image, with the pieces of a Python text that stands on several lines put together. */
function readSources(): string {
  return ['gateway/src', 'image/scripts', 'image/guard']
    .flatMap((folder) =>
      readdirSync(join(docker, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(py|sh|c)$/.test(name))
        .map((name) => readFileSync(join(docker, folder, name), 'utf8')),
    )
    .join('\n')
    .replaceAll(/"\s*\n\s*(?:\+ )?f?"/g, '');
}

/** The rows of the tables between two headings, each as its cells. */
function rows(from: string, to?: string): string[][] {
  const start = readme.indexOf(`\n${from}\n`);
  expect(start, from).toBeGreaterThan(0);
  const end = to === undefined ? readme.length : readme.indexOf(`\n${to}\n`, start);
  return readme
    .slice(start, end)
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .slice(1)
    .map((line) => line.split('|').slice(1, -1));
}

describe('docker/README.md', () => {
  it('quotes only messages that the sources have', () => {
    const sources = readSources();
    const quoted = rows('### What the image, the supervisor and the gateway say').map(
      ([text]) => /`(.+)`/.exec(text ?? '')?.[1] ?? '',
    );
    expect(quoted.length).toBeGreaterThan(30);
    const pieces = quoted.flatMap((text) => text.split('…')).filter((piece) => piece.trim() !== '');
    expect(pieces.filter((piece) => !sources.includes(piece))).toEqual([]);
  });

  it('names every code of an error, beside its status', () => {
    expect(codes.length).toBeGreaterThan(25);
    const table = rows('### Errors', '## Security and tokens');
    const missing = codes.filter(
      ({ code, status }) =>
        !table.some(([first = '', second = '']) => first.trim() === status && second.includes(`\`${code}\``)),
    );
    expect(missing).toEqual([]);
  });

  it('names every variable that is meant to be set', () => {
    const read = new Set([...readSources().matchAll(/["'](LM_[A-Z_]+)["']/g)].map(([, name]) => name ?? ''));
    // Of the image itself, or handed from the supervisor to the gateway.
    const inner = [
      ...['LM_LISTEN_FD', 'LM_API_TOKEN_FD', 'LM_GUARD_PATH', 'LM_GATEWAY_HOST'],
      ...['LM_IMAGE_VERSION', 'LM_IMAGE_REVISION'],
    ];
    const ours = [...read].filter((name) => !inner.includes(name) && !readme.includes(`\`${name}\``));
    expect(ours).toEqual([]);
  });
});
