import type { IParser, Terminal } from '@xterm/headless';

/** Private modes that @xterm/addon-serialize leaves out of a snapshot though they change what a page does. */
const mouseEncodings = [1005, 1006, 1015, 1016];
const cursorVisible = 25;
const cursorBlink = 12;

export interface FollowedModes {
  readonly hasMargins: boolean;
  resetMargins(): void;
  /** Sequences that bring these modes back, to be appended to a serialised screen. */
  restore(terminal: Terminal): string;
}

/** Watches the parser for the state that the serialize add-on (0.14) does not restore. */
export function followModes(parser: IParser): FollowedModes {
  let margins: readonly [number, number] | null = null;
  let cursorStyle = 0;
  const set = new Map<number, boolean>();

  const reset = () => {
    margins = null;
    cursorStyle = 0;
    set.clear();
  };

  parser.registerCsiHandler({ final: 'r' }, (parameters) => {
    const top = numberAt(parameters, 0);
    const bottom = numberAt(parameters, 1);
    margins = top <= 1 && bottom === 0 ? null : [top || 1, bottom];
    return false;
  });
  parser.registerCsiHandler({ intermediates: ' ', final: 'q' }, (parameters) => {
    cursorStyle = numberAt(parameters, 0);
    return false;
  });
  const onMode = (value: boolean) => (parameters: (number | number[])[]) => {
    for (const parameter of parameters) {
      if (typeof parameter !== 'number') continue;
      if (parameter === cursorVisible || parameter === cursorBlink) set.set(parameter, value);
      if (mouseEncodings.includes(parameter)) {
        // One encoding holds at a time.
        for (const encoding of mouseEncodings) set.delete(encoding);
        if (value) set.set(parameter, true);
      }
    }
    return false;
  };
  parser.registerCsiHandler({ prefix: '?', final: 'h' }, onMode(true));
  parser.registerCsiHandler({ prefix: '?', final: 'l' }, onMode(false));
  parser.registerEscHandler({ final: 'c' }, () => {
    reset();
    return false;
  });
  parser.registerCsiHandler({ intermediates: '!', final: 'p' }, () => {
    reset();
    return false;
  });

  return {
    get hasMargins() {
      return margins !== null;
    },
    resetMargins: () => {
      margins = null;
    },
    restore: (terminal) => {
      let sequences = '';
      for (const [mode, value] of set) sequences += `\x1b[?${String(mode)}${value ? 'h' : 'l'}`;
      if (cursorStyle > 0) sequences += `\x1b[${String(cursorStyle)} q`;
      if (margins) {
        const [top, bottom] = margins;
        sequences += `\x1b[${String(top)};${bottom > 0 ? String(bottom) : ''}r`;
      }
      if (margins || terminal.modes.originMode) {
        // Setting margins or origin mode moves the cursor home.
        const originRow = terminal.modes.originMode && margins ? margins[0] - 1 : 0;
        const row = terminal.buffer.active.cursorY + 1 - originRow;
        sequences += `\x1b[${String(row)};${String(terminal.buffer.active.cursorX + 1)}H`;
      }
      return sequences;
    },
  };
}

function numberAt(parameters: (number | number[])[], index: number): number {
  const value = parameters[index];
  return typeof value === 'number' ? value : 0;
}
