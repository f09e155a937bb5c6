import type { TerminalColors } from '../../contract';

type OscHandler = (data: string) => boolean;

/**
 * Handlers for OSC 4, 10, 11 and 12 that answer colour queries (`?`) from the theme of the page; xterm.js without
 * a display has no colours of its own. Colours that a program sets are kept, so that it reads back what it set.
 */
export function colorQueryHandlers(
  colors: () => TerminalColors,
  reply: (data: string) => void,
): readonly (readonly [number, OscHandler])[] {
  const setByProgram = new Map<string, string>();
  const answer = (identifier: string, fallback: string) => {
    reply(`\x1b]${identifier};${setByProgram.get(identifier) ?? toXColor(fallback)}\x1b\\`);
  };

  // OSC 10;a;b;c sets or asks 10, 11 and 12 one after another.
  const dynamicColor =
    (first: number): OscHandler =>
    (data) => {
      for (const [index, part] of data.split(';').entries()) {
        const identifier = first + index;
        const fallback = { 10: colors().foreground, 11: colors().background, 12: colors().cursor }[
          identifier
        ];
        if (fallback === undefined) break;
        if (part === '?') answer(String(identifier), fallback);
        else {
          const parsed = parseXColor(part);
          if (parsed) setByProgram.set(String(identifier), parsed);
        }
      }
      return true;
    };

  const paletteColor: OscHandler = (data) => {
    const parts = data.split(';');
    for (let index = 0; index + 1 < parts.length; index += 2) {
      const number = Number(parts[index]);
      if (!Number.isInteger(number) || number < 0 || number > 255) continue;
      const value = parts[index + 1] as string;
      if (value === '?') answer(`4;${String(number)}`, colors().palette[number] ?? paletteDefault(number));
      else {
        const parsed = parseXColor(value);
        if (parsed) setByProgram.set(`4;${String(number)}`, parsed);
      }
    }
    return true;
  };

  const resetDynamic =
    (identifier: string): OscHandler =>
    () => {
      setByProgram.delete(identifier);
      return true;
    };

  const resetPalette: OscHandler = (data) => {
    for (const key of [...setByProgram.keys()]) {
      if (key.startsWith('4;') && (data === '' || data.split(';').includes(key.slice(2))))
        setByProgram.delete(key);
    }
    return true;
  };

  return [
    [4, paletteColor],
    [10, dynamicColor(10)],
    [11, dynamicColor(11)],
    [12, dynamicColor(12)],
    [104, resetPalette],
    [110, resetDynamic('10')],
    [111, resetDynamic('11')],
    [112, resetDynamic('12')],
  ];
}

/** `#rrggbb` as `rgb:rrrr/gggg/bbbb`. */
function toXColor(color: string): string {
  const channels = [1, 3, 5].map((start) => color.slice(start, start + 2));
  return `rgb:${channels.map((channel) => channel + channel).join('/')}`;
}

/** `#rgb`, `#rrggbb` or `rgb:r/g/b` with one to four digits, as `rgb:rrrr/gggg/bbbb`; null for anything else. */
function parseXColor(text: string): string | null {
  const hash = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text)?.[1];
  if (hash) {
    const width = hash.length / 3;
    const channels = [0, 1, 2].map((index) => hash.slice(index * width, (index + 1) * width));
    return `rgb:${channels.map((channel) => channel.repeat(4 / width)).join('/')}`.toLowerCase();
  }
  const match = /^rgb:([0-9a-f]{1,4})\/([0-9a-f]{1,4})\/([0-9a-f]{1,4})$/i.exec(text);
  if (!match) return null;
  const channels = match.slice(1, 4).map((channel) => {
    const scaled = Math.round((parseInt(channel, 16) / (16 ** channel.length - 1)) * 0xffff);
    return scaled.toString(16).padStart(4, '0');
  });
  return `rgb:${channels.join('/')}`;
}

/** Colours 16 to 255 as every xterm has them: a 6×6×6 cube, then 24 greys. */
function paletteDefault(number: number): string {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  if (number >= 232) {
    const grey = 8 + (number - 232) * 10;
    return `#${hex(grey)}${hex(grey)}${hex(grey)}`;
  }
  const levels = [0, 95, 135, 175, 215, 255];
  const index = number - 16;
  const channels = [Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6];
  return `#${channels.map((channel) => hex(levels[channel] ?? 0)).join('')}`;
}
