import type { ITerminalOptions, ITheme } from '@xterm/xterm';
import type { Settings, TerminalColors } from '../../../electron/contract';

const paletteNames = [
  'black',
  'red',
  'green',
  'yellow',
  'blue',
  'magenta',
  'cyan',
  'white',
  'bright-black',
  'bright-red',
  'bright-green',
  'bright-yellow',
  'bright-blue',
  'bright-magenta',
  'bright-cyan',
  'bright-white',
] as const;

export interface TerminalScheme extends TerminalColors {
  readonly selection: string;
  readonly cursorText: string;
  /**
   * Least WCAG contrast of any text with what it stands on, from 1 to 21. A program may write any colour of the
   * palette on any other, as `ls` writes a folder that others may change in blue on green.
   */
  readonly minimumContrast: number;
}

/** WCAG AA for text. Black or white reaches it on every ground. */
const readableContrast = 4.5;

const fixedSchemes: Readonly<Record<'solarized-dark' | 'high-contrast', TerminalScheme>> = {
  'solarized-dark': {
    foreground: '#93a1a1',
    background: '#002b36',
    cursor: '#93a1a1',
    cursorText: '#002b36',
    selection: '#0f4a57',
    // Its own hues begin at 3.2 by design; more than this would be another scheme.
    minimumContrast: 3,
    palette: [
      ...['#073642', '#dc322f', '#859900', '#b58900', '#268bd2', '#d33682', '#2aa198', '#eee8d5'],
      ...['#586e75', '#cb4b16', '#a3b843', '#c9a227', '#6ca9dd', '#6c71c4', '#4fb8b0', '#fdf6e3'],
    ],
  },
  'high-contrast': {
    foreground: '#ffffff',
    background: '#000000',
    cursor: '#ffff00',
    cursorText: '#000000',
    selection: '#264f78',
    // WCAG AAA for text.
    minimumContrast: 7,
    palette: [
      ...['#000000', '#ff6b6b', '#5af78e', '#f3f99d', '#79b8ff', '#ff8fd8', '#7ffbff', '#e6e6e6'],
      ...['#8a8a8a', '#ff9b9b', '#8dffb3', '#ffffb8', '#a8d1ff', '#ffb8e6', '#b3fdff', '#ffffff'],
    ],
  },
};

/** Colours of a scheme. `app`, `light` and `dark` are the tokens of styles/tokens.css. */
export function readScheme(name: Settings['terminalTheme']): TerminalScheme {
  if (name === 'solarized-dark' || name === 'high-contrast') return fixedSchemes[name];
  const root = document.documentElement;
  if (name === 'app' || root.dataset['theme'] === name) return readTokens(root);
  // The tokens of the other theme stand on the root alone, so it wears that theme for the time of one reading.
  const worn = root.dataset['theme'];
  root.dataset['theme'] = name;
  const scheme = readTokens(root);
  if (worn === undefined) delete root.dataset['theme'];
  else root.dataset['theme'] = worn;
  return scheme;
}

function readTokens(element: HTMLElement): TerminalScheme {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(`--terminal-${name}`).trim();
  return {
    foreground: token('foreground'),
    background: token('background'),
    cursor: token('cursor'),
    cursorText: token('cursor-text'),
    selection: token('selection'),
    minimumContrast: readableContrast,
    palette: paletteNames.map(token),
  };
}

/** The options of xterm.js that a scheme sets. */
export function toXtermColors(
  scheme: TerminalScheme,
): Required<Pick<ITerminalOptions, 'theme' | 'minimumContrastRatio'>> {
  return { theme: toXtermTheme(scheme), minimumContrastRatio: scheme.minimumContrast };
}

function toXtermTheme(scheme: TerminalScheme): ITheme {
  const [black, red, green, yellow, blue, magenta, cyan, white, ...bright] = scheme.palette;
  return {
    foreground: scheme.foreground,
    background: scheme.background,
    cursor: scheme.cursor,
    cursorAccent: scheme.cursorText,
    selectionBackground: scheme.selection,
    ...{ black, red, green, yellow, blue, magenta, cyan, white },
    brightBlack: bright[0],
    brightRed: bright[1],
    brightGreen: bright[2],
    brightYellow: bright[3],
    brightBlue: bright[4],
    brightMagenta: bright[5],
    brightCyan: bright[6],
    brightWhite: bright[7],
  };
}
