/** A run of log text in one style. Colours are names of the terminal palette in the tokens. */
export interface TextRun {
  readonly text: string;
  readonly colour: TextColour | null;
  readonly bold: boolean;
  readonly faint: boolean;
}

const baseColours = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;
export type TextColour = (typeof baseColours)[number] | `bright-${(typeof baseColours)[number]}`;

/**
 * Escape sequences that programs write: CSI (kept if it sets colours, else dropped), OSC and the other string
 * sequences up to their end, and two-character ones.
 */
const escapePattern =
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  /\x1b(?:\[([0-?]*)([ -/]*)([@-~]|$)|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|[ -/]*[0-~]|$)/g;
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const controlPattern = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Takes a log line apart for display: SGR colours become runs, other escape sequences are dropped, and control
 * characters, also those that turn the direction of text, become visible signs. So no log line can move, hide or
 * restyle anything but itself.
 */
export function parseLogText(text: string): TextRun[] {
  const runs: TextRun[] = [];
  let style: Omit<TextRun, 'text'> = { colour: null, bold: false, faint: false };
  let end = 0;
  const add = (part: string) => {
    if (part !== '') runs.push({ text: part.replace(controlPattern, showControl), ...style });
  };
  for (const match of text.matchAll(escapePattern)) {
    add(text.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[3] === 'm' && match[2] === '') style = applyStyle(style, match[1] ?? '');
  }
  add(text.slice(end));
  return runs;
}

/** The line as it is read, searched and copied. */
export function plainLogText(text: string): string {
  return parseLogText(text)
    .map((run) => run.text)
    .join('');
}

function showControl(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\uFFFD';
}

function applyStyle(before: Omit<TextRun, 'text'>, parameters: string): Omit<TextRun, 'text'> {
  const codes = parameters.split(/[;:]/).map((code) => (code === '' ? 0 : Number(code)));
  let style = before;
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 0) style = { colour: null, bold: false, faint: false };
    else if (code === 1) style = { ...style, bold: true };
    else if (code === 2) style = { ...style, faint: true };
    else if (code === 22) style = { ...style, bold: false, faint: false };
    else if (code >= 30 && code <= 37) style = { ...style, colour: baseColours[code - 30] ?? null };
    else if (code >= 90 && code <= 97) style = { ...style, colour: bright(baseColours[code - 90]) };
    else if (code === 39) style = { ...style, colour: null };
    else if (code === 38 || code === 48) {
      const kind = codes[index + 1];
      if (code === 38 && kind === 5) style = { ...style, colour: paletteColour(codes[index + 2]) };
      index += kind === 5 ? 2 : 4;
    }
  }
  return style;
}

/** The sixteen named colours of the palette of 256; the others depend on no theme and are left out. */
function paletteColour(index: number | undefined): TextColour | null {
  if (index === undefined || !(index >= 0 && index < 16)) return null;
  return index < 8 ? (baseColours[index] ?? null) : bright(baseColours[index - 8]);
}

function bright(colour: (typeof baseColours)[number] | undefined): TextColour | null {
  return colour ? `bright-${colour}` : null;
}
