import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSettingsFile } from '../adapters/storage/settings-file';
import { silentLogger } from '../services/foundation';
import { SettingsService } from '../services/settings';
import { readStartTheme, windowBackground } from './start-theme';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lm-start-theme-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the theme at the start', () => {
  it.each(['light', 'dark', 'system'] as const)('is %s when the host has kept that', async (theme) => {
    const settings = await SettingsService.open({ store: createSettingsFile(folder), logger: silentLogger });
    await settings.update({ theme });
    settings.dispose();
    expect(readStartTheme(folder)).toBe(theme);
  });

  it.each([
    ['no file', null],
    ['a broken file', '{"version":1,'],
    ['a file of something else', '[null]'],
    ['no theme', '{"version":1,"settings":{}}'],
    ['an unknown theme', '{"version":1,"settings":{"theme":"sepia"}}'],
  ])('is the system’s with %s', (_name, text) => {
    if (text !== null) writeFileSync(path.join(folder, 'settings.json'), text);
    expect(readStartTheme(folder)).toBe('system');
  });
});

it('the window before its first frame and the page before its theme have the colours of the canvas', () => {
  const styles = path.join(__dirname, '../../renderer/styles');
  const tokens = readFileSync(path.join(styles, 'tokens.css'), 'utf8');
  const canvas = [...tokens.matchAll(/--color-canvas: (#[0-9a-f]{6});/g)].map((match) => match[1]);
  expect(canvas).toEqual([windowBackground.light, windowBackground.dark]);
  const base = readFileSync(path.join(styles, 'base.css'), 'utf8');
  const untilTheme = [...base.matchAll(/:root:not\(\[data-theme\]\) \{\s*background: (#[0-9a-f]{6});/g)];
  expect(untilTheme.map((match) => match[1])).toEqual(canvas);
});
