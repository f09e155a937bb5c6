import { afterEach, describe, expect, it } from 'vitest';
import tokensCss from '../../styles/tokens.css?raw';
import { contrast, parseHex } from '../../styles/wcag-contrast';
import { readScheme, toXtermColors } from './terminal-themes';

const white = parseHex('#ffffff');
const black = parseHex('#000000');
const names = ['light', 'dark', 'solarized-dark', 'high-contrast'] as const;

const sheet = document.createElement('style');
sheet.textContent = tokensCss;
document.head.append(sheet);
afterEach(() => {
  delete document.documentElement.dataset['theme'];
});

describe.each(names)('the scheme %s', (name) => {
  const scheme = readScheme(name);
  const background = parseHex(scheme.background);

  it('has 16 colours, each as far from the background as its least contrast, but for the two blacks', () => {
    expect(scheme.palette).toHaveLength(16);
    expect(contrast(parseHex(scheme.foreground), background)).toBeGreaterThanOrEqual(scheme.minimumContrast);
    for (const [index, color] of scheme.palette.entries()) {
      // Black sinks into a dark ground, and Solarized makes its bright black for comments.
      if (index === 0 || index === 8) continue;
      expect(contrast(parseHex(color), background), color).toBeGreaterThanOrEqual(scheme.minimumContrast);
    }
  });

  it('tells xterm.js a least contrast for what a program writes on any colour', () => {
    const { minimumContrastRatio, theme } = toXtermColors(scheme);
    expect(theme.background).toBe(scheme.background);
    expect(minimumContrastRatio).toBeGreaterThanOrEqual(3);
    // `ls` writes a folder that others may change in colour 4 on colour 2, which no palette can keep readable.
    const [, , green = '', , blue = ''] = scheme.palette;
    expect(contrast(parseHex(blue), parseHex(green))).toBeLessThan(minimumContrastRatio);
    // xterm.js darkens or lightens towards black or white; one of them always reaches WCAG AA.
    for (const color of scheme.palette) {
      const ground = parseHex(color);
      const best = Math.max(contrast(ground, white), contrast(ground, black));
      expect(best, color).toBeGreaterThanOrEqual(Math.min(minimumContrastRatio, 4.5));
    }
  });
});

it('holds the app and its two themes to WCAG AA', () => {
  for (const theme of ['light', 'dark']) {
    document.documentElement.dataset['theme'] = theme;
    expect(toXtermColors(readScheme('app')).minimumContrastRatio).toBe(4.5);
    expect(readScheme('app').background).toBe(readScheme(theme === 'light' ? 'light' : 'dark').background);
  }
  expect(readScheme('light').background).not.toBe(readScheme('dark').background);
});
