import { SerializeAddon } from '@xterm/addon-serialize';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { Terminal } from '@xterm/headless';
import { terminalScrollbackLines, type TerminalColors } from '../../contract';
import type { ScreenEvents, ScreenMirror, TerminalSize } from '../../services/terminal/ports';
import { colorQueryHandlers } from './color-queries';
import { followModes } from './followed-modes';
import { decodeClipboardRequest } from './clipboard-request';

const maxTitleLength = 128;
const maxTitleChangesPerSecond = 10;

/** A ScreenMirror by xterm.js without a display, with the same width tables and scrollback as the pages. */
export function createXtermScreenMirror(
  size: TerminalSize,
  initialColors: TerminalColors,
  events: ScreenEvents,
): ScreenMirror {
  const terminal = new Terminal({
    cols: size.columns,
    rows: size.rows,
    scrollback: terminalScrollbackLines,
    allowProposedApi: true,
    // 5 MB of random bytes otherwise make over 20,000 console errors.
    logLevel: 'off',
    // Only the size in characters is answered; pixels are not known here.
    windowOptions: { getWinSizeChars: true },
  });
  const serialize = new SerializeAddon();
  terminal.loadAddon(serialize);
  terminal.loadAddon(new Unicode11Addon());
  terminal.unicode.activeVersion = '11';

  const modes = followModes(terminal.parser);
  let colors = initialColors;
  const handlers = colorQueryHandlers(
    () => colors,
    (reply) => events.reply(reply),
  );
  for (const [identifier, handler] of handlers) terminal.parser.registerOscHandler(identifier, handler);
  terminal.parser.registerOscHandler(52, (data) => {
    const text = decodeClipboardRequest(data);
    if (text !== null) events.clipboard(text);
    return true;
  });
  // `onData` also fires, empty, for the nudge in `write`.
  terminal.onData((data) => {
    if (data.length > 0) events.reply(data);
  });
  terminal.onBinary((data) => events.reply(data));

  let titleWindowStartMs = 0;
  let titlesInWindow = 0;
  terminal.onTitleChange((title) => {
    const nowMs = Date.now();
    if (nowMs - titleWindowStartMs > 1_000) {
      titleWindowStartMs = nowMs;
      titlesInWindow = 0;
    }
    titlesInWindow += 1;
    if (titlesInWindow <= maxTitleChangesPerSecond) events.title(cleanTitle(title));
  });

  return {
    write: (bytes) => {
      // xterm.js parses a write that follows user input before it returns, instead of in a timer later
      // (WriteBuffer.handleUserInput); an empty input has no other effect.
      terminal.input('', true);
      terminal.write(bytes);
    },
    resize: ({ columns, rows }) => {
      terminal.resize(columns, rows);
      modes.resetMargins();
    },
    setColors: (newColors) => {
      colors = newColors;
    },
    snapshot: () => serialize.serialize({ scrollback: terminalScrollbackLines }) + modes.restore(terminal),
    get scrollsPlainly() {
      return terminal.buffer.active.type === 'normal' && !modes.hasMargins;
    },
    dispose: () => terminal.dispose(),
  };
}

function cleanTitle(title: string): string {
  // Control, bidi and zero-width characters could make a title read as something else.
  return title.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '').slice(0, maxTitleLength);
}
