import { describe, expect, it } from 'vitest';
import tokensCss from './tokens.css?raw';
import { contrast, parseHex, type Rgb } from './wcag-contrast';

/** The custom properties of one `:root[data-theme=…]` block. */
function themeTokens(theme: 'light' | 'dark'): Map<string, string> {
  const block = new RegExp(`:root\\[data-theme='${theme}'\\] \\{([^}]*)\\}`).exec(tokensCss)?.[1];
  if (!block) throw new Error(`tokens.css has no block for ${theme}`);
  return new Map(
    [...block.matchAll(/--([\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [
      name ?? '',
      (value ?? '').trim(),
    ]),
  );
}

/** `rgb(r g b / n%)` laid over an opaque colour. */
function overlay(value: string, below: Rgb): Rgb {
  const match = /^rgb\((\d+) (\d+) (\d+) \/ (\d+)%\)$/.exec(value);
  if (!match) throw new Error(`${value} is not an rgb(r g b / n%) colour`);
  const alpha = Number(match[4]) / 100;
  const mix = (index: 0 | 1 | 2) => Number(match[index + 1]) * alpha + below[index] * (1 - alpha);
  return [mix(0), mix(1), mix(2)];
}

const surfaces = ['color-canvas', 'color-surface', 'color-surface-sunken', 'color-surface-raised'];
const textOnAnySurface = [
  'color-text',
  'color-text-secondary',
  'color-text-muted',
  'color-accent-text',
  'color-ok-text',
  'color-warning-text',
  'color-danger-text',
  'color-info-text',
];
const tones = ['ok', 'warning', 'danger', 'info', 'accent'];

/** [text, background, least ratio]: 4.5 for text, 3 for graphics and control outlines (WCAG 1.4.3, 1.4.11). */
const pairs: readonly (readonly [string, string, number])[] = [
  ...surfaces.flatMap((surface) => textOnAnySurface.map((text) => [text, surface, 4.5] as const)),
  ...tones.flatMap((tone) => [
    [`color-${tone}-text`, `color-${tone}-soft`, 4.5] as const,
    ['color-text', `color-${tone}-soft`, 4.5] as const,
    ['color-text-secondary', `color-${tone}-soft`, 4.5] as const,
    [`color-${tone}`, 'color-surface', 3] as const,
  ]),
  ['color-text', 'color-selected', 4.5],
  ['color-text-secondary', 'color-selected', 4.5],
  ['color-text-muted', 'color-selected', 4.5],
  ['color-text', 'color-text-selection', 4.5],
  ['color-on-accent', 'color-accent', 4.5],
  ['color-on-accent', 'color-accent-hover', 4.5],
  ['color-on-danger', 'color-danger', 4.5],
  ['color-on-danger', 'color-danger-hover', 4.5],
  ...['color-surface', 'color-surface-sunken', 'color-surface-raised'].map(
    (surface) => ['color-border-strong', surface, 3] as const,
  ),
  ...surfaces.map((surface) => ['color-focus', surface, 3] as const),
  ...[1, 2, 3, 4, 5, 6].map((index) => [`chart-${index}`, 'color-surface', 3] as const),
  ['terminal-foreground', 'terminal-background', 7],
  ['terminal-foreground', 'terminal-selection', 4.5],
  ['terminal-cursor-text', 'terminal-cursor', 4.5],
];

const ansiNames = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const ansiTokens = ansiNames.flatMap((name) => [`terminal-${name}`, `terminal-bright-${name}`]);

describe.each(['light', 'dark'] as const)('the %s theme', (theme) => {
  const tokens = themeTokens(theme);
  const color = (name: string): Rgb => {
    const value = tokens.get(name);
    if (!value) throw new Error(`${name} is missing in ${theme}`);
    return parseHex(value);
  };

  it.each(pairs)('writes %s on %s with a contrast of at least %d', (text, background, least) => {
    expect(contrast(color(text), color(background))).toBeGreaterThanOrEqual(least);
  });

  it('keeps text readable on hovered and pressed rows', () => {
    for (const state of ['color-hover', 'color-active']) {
      for (const surface of ['color-surface', 'color-surface-sunken', 'color-surface-raised']) {
        const background = overlay(tokens.get(state) ?? '', color(surface));
        for (const text of ['color-text', 'color-text-secondary', 'color-text-muted']) {
          expect(
            contrast(color(text), background),
            `${text} on ${state} of ${surface}`,
          ).toBeGreaterThanOrEqual(4.5);
        }
      }
    }
  });

  it('gives the terminal 16 readable colours; only black on a dark ground may sink in', () => {
    for (const token of ansiTokens) {
      if (theme === 'dark' && token === 'terminal-black') continue;
      const least = token.includes('bright-black') ? 4 : 4.5;
      expect(contrast(color(token), color('terminal-background')), token).toBeGreaterThanOrEqual(least);
    }
  });
});

it('both themes define the same tokens', () => {
  expect([...themeTokens('light').keys()].sort()).toEqual([...themeTokens('dark').keys()].sort());
});
