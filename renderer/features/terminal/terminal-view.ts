import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon, type ISearchOptions } from '@xterm/addon-search';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal } from '@xterm/xterm';
import {
  maxTerminalInputBytes,
  terminalScrollbackLines,
  type LmError,
  type TerminalChunk,
} from '../../../electron/contract';
import { toLmError } from '../../../electron/contract';
import type { HostClient, OpenStream } from '../../../electron/rpc/client-types';
import { planPaste, type PastePlan } from './paste';
import { silenceQueries } from './silence-queries';
import { toXtermColors, type TerminalScheme } from './terminal-themes';
import { isWebglAccelerated } from './webgl-policy';
import { WriteBatches } from './write-batches';

const resizeDelayMs = 40;

export interface TerminalViewOptions {
  readonly host: HostClient;
  readonly terminalId: string;
  readonly fontFamily: string;
  readonly fontSize: number;
  readonly scheme: TerminalScheme;
  readonly confirmMultiLinePaste: () => boolean;
  /** Asks the person before a link is opened. */
  readonly onLink: (url: string) => void;
  /** A paste that would run commands: the person decides, then `paste` is called with the plan's text. */
  readonly onPasteQuestion: (plan: PastePlan) => void;
  /** A program wants to write the clipboard. */
  readonly onClipboardRequest: (text: string) => void;
  readonly onError: (error: LmError) => void;
  readonly onSearchResult: (result: { index: number; count: number }) => void;
  readonly onBell: () => void;
}

/**
 * One terminal in the page: xterm.js and its stream from the host, outside of React. Bytes go straight to xterm.js,
 * and credit goes back from its write callback.
 */
export class TerminalView {
  readonly terminal: Terminal;
  private readonly fit = new FitAddon();
  private readonly search = new SearchAddon({ highlightLimit: 2_000 });
  private readonly output: WriteBatches;
  private stream: OpenStream | null = null;
  private element: HTMLElement | null = null;
  private observer: ResizeObserver | null = null;
  private resizeTimer: number | null = null;
  private webgl: { dispose(): void } | null = null;
  private webglFailed = false;
  private visible = false;
  private opened = false;
  private wanted: { columns: number; rows: number } | null = null;
  /** Chunks that came while hidden: one window of the stream at most. */
  private readonly held: { readonly chunk: TerminalChunk; readonly consumed: () => void }[] = [];
  private disposed = false;

  constructor(private readonly options: TerminalViewOptions) {
    this.terminal = new Terminal({
      allowProposedApi: true,
      scrollback: terminalScrollbackLines,
      fontFamily: options.fontFamily,
      fontSize: options.fontSize,
      ...toXtermColors(options.scheme),
      cursorBlink: true,
      // 5 MB of random bytes otherwise make over 20,000 console errors.
      logLevel: 'off',
      macOptionIsMeta: true,
      linkHandler: {
        activate: (_event, url) => options.onLink(url),
        allowNonHttpProtocols: false,
      },
    });
    this.output = new WriteBatches(this.terminal);
    this.terminal.loadAddon(this.fit);
    this.terminal.loadAddon(this.search);
    this.terminal.loadAddon(new Unicode11Addon());
    this.terminal.unicode.activeVersion = '11';
    this.terminal.loadAddon(new WebLinksAddon((_event, url) => options.onLink(url)));
    silenceQueries(this.terminal);
    this.terminal.onData((data) => this.sendInput(new TextEncoder().encode(data)));
    this.terminal.onBinary((data) =>
      this.sendInput(Uint8Array.from(data, (character) => character.charCodeAt(0))),
    );
    this.terminal.onBell(() => options.onBell());
    this.terminal.attachCustomKeyEventHandler((event) => this.handleKey(event));
    this.search.onDidChangeResults(({ resultIndex, resultCount }) =>
      options.onSearchResult({ index: resultIndex, count: resultCount }),
    );
  }

  /** Puts the terminal into `element` and begins to follow the shell. Called once. */
  mount(element: HTMLElement): void {
    this.element = element;
    element.addEventListener('paste', this.handlePaste, { capture: true });
    this.observer = new ResizeObserver(() => this.scheduleResize());
    this.observer.observe(element);
    this.openWhenSized();
    this.stream = this.options.host.watch(
      'terminal.attach',
      { id: this.options.terminalId },
      {
        onChunk: (chunk, consumed) => this.receive(chunk, consumed),
        onError: (error) => this.options.onError(error),
      },
    );
  }

  setVisible(visible: boolean): void {
    this.visible = visible;
    if (visible) {
      for (const { chunk, consumed } of this.held.splice(0)) this.show(chunk, consumed);
      this.openWhenSized();
      this.scheduleResize();
    }
    void this.updateWebgl();
  }

  setFont(fontFamily: string, fontSize: number): void {
    this.terminal.options.fontFamily = fontFamily;
    this.terminal.options.fontSize = fontSize;
    this.scheduleResize();
  }

  setScheme(scheme: TerminalScheme): void {
    this.terminal.options = toXtermColors(scheme);
  }

  focus(): void {
    this.terminal.focus();
  }

  paste(text: string): void {
    this.terminal.paste(text);
    this.terminal.focus();
  }

  copySelection(): void {
    const selection = this.terminal.getSelection();
    if (selection) void navigator.clipboard.writeText(selection);
  }

  find(text: string, direction: 'next' | 'previous', options: ISearchOptions): void {
    if (text === '') {
      this.search.clearDecorations();
      this.options.onSearchResult({ index: -1, count: 0 });
    } else if (direction === 'next') this.search.findNext(text, options);
    else this.search.findPrevious(text, options);
  }

  endFind(): void {
    this.search.clearDecorations();
    this.terminal.clearSelection();
    this.terminal.focus();
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.stream?.close();
    this.observer?.disconnect();
    this.element?.removeEventListener('paste', this.handlePaste, { capture: true });
    if (this.resizeTimer !== null) window.clearTimeout(this.resizeTimer);
    this.webgl?.dispose();
    this.terminal.dispose();
  }

  private receive(chunk: TerminalChunk, consumed: () => void): void {
    if (this.disposed) return;
    // What nobody sees is not parsed, so that a flood behind a tab does not slow the terminal on top. It is not
    // consumed either: beyond one window the host keeps the state, and gives a snapshot when this is shown again.
    if (this.visible || chunk.kind === 'clipboard') this.show(chunk, consumed);
    else this.held.push({ chunk, consumed });
  }

  private show(chunk: TerminalChunk, consumed: () => void): void {
    switch (chunk.kind) {
      case 'data':
        this.output.write(chunk.bytes, consumed);
        break;
      case 'snapshot':
        this.output.flush();
        // In band, so that what is still to be parsed is parsed at the size it was written for.
        this.terminal.write('\x1bc', () => this.terminal.resize(chunk.columns, chunk.rows));
        this.terminal.write(chunk.screen, () => {
          consumed();
          this.scheduleResize();
        });
        break;
      case 'resized':
        this.output.flush();
        this.terminal.write('', () => {
          this.terminal.resize(chunk.columns, chunk.rows);
          consumed();
        });
        break;
      case 'clipboard':
        this.options.onClipboardRequest(chunk.text);
        consumed();
        break;
    }
  }

  private sendInput(data: Uint8Array): void {
    for (let start = 0; start < data.byteLength; start += maxTerminalInputBytes) {
      const piece = data.slice(start, start + maxTerminalInputBytes);
      this.options.host
        .call('terminal.write', { id: this.options.terminalId, data: piece })
        .catch((error: unknown) => this.options.onError(toLmError(error)));
    }
  }

  /** xterm.js measures its cells when it is opened, which needs an element with a size. */
  private openWhenSized(): void {
    const element = this.element;
    if (this.opened || !element || element.clientWidth === 0 || element.clientHeight === 0) return;
    this.opened = true;
    this.terminal.open(element);
    void this.updateWebgl();
    this.scheduleResize();
  }

  private scheduleResize(): void {
    if (this.resizeTimer !== null) window.clearTimeout(this.resizeTimer);
    this.resizeTimer = window.setTimeout(() => {
      this.resizeTimer = null;
      this.requestSize();
    }, resizeDelayMs);
  }

  /** Asks the host for the size that fits; the terminal itself is resized when the host says so, in band. */
  private requestSize(): void {
    this.openWhenSized();
    if (!this.opened || !this.visible || this.disposed) return;
    const size = this.fit.proposeDimensions();
    if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows) || size.cols < 2 || size.rows < 1)
      return;
    if (size.cols === this.terminal.cols && size.rows === this.terminal.rows) return;
    if (this.wanted?.columns === size.cols && this.wanted.rows === size.rows) return;
    this.wanted = { columns: size.cols, rows: size.rows };
    this.options.host
      .call('terminal.resize', { id: this.options.terminalId, ...this.wanted })
      .catch((error: unknown) => this.options.onError(toLmError(error)))
      .finally(() => {
        this.wanted = null;
      });
  }

  private readonly handlePaste = (event: ClipboardEvent) => {
    const text = event.clipboardData?.getData('text/plain');
    event.preventDefault();
    event.stopPropagation();
    if (!text) return;
    const plan = planPaste(
      text,
      this.terminal.modes.bracketedPasteMode,
      this.options.confirmMultiLinePaste(),
    );
    if (plan.needsConfirmation) this.options.onPasteQuestion(plan);
    else this.paste(plan.text);
  };

  private handleKey(event: KeyboardEvent): boolean {
    if (event.type !== 'keydown') return true;
    const copyKeys =
      (event.ctrlKey && event.shiftKey && event.code === 'KeyC') ||
      (event.ctrlKey && event.code === 'Insert');
    if (copyKeys) {
      event.preventDefault();
      this.copySelection();
      return false;
    }
    // Left to the menu or the browser, which turn it into a paste event.
    const pasteKeys =
      (event.ctrlKey && event.shiftKey && event.code === 'KeyV') ||
      (event.shiftKey && event.code === 'Insert');
    return !pasteKeys;
  }

  /**
   * WebGL only while visible: a hidden terminal would hold one of the page's scarce contexts and tens of MB. A lost
   * context falls back to the DOM renderer for this terminal alone.
   */
  private async updateWebgl(): Promise<void> {
    const wanted = this.visible && this.opened && !this.webglFailed && !this.disposed && isWebglAccelerated();
    if (!wanted) {
      this.dropWebgl();
      return;
    }
    if (this.webgl) return;
    const { WebglAddon } = await import('@xterm/addon-webgl');
    if (this.webgl || !this.visible || this.disposed) return;
    try {
      const addon = new WebglAddon();
      addon.onContextLoss(() => {
        this.webglFailed = true;
        this.dropWebgl();
      });
      this.terminal.loadAddon(addon);
      this.webgl = addon;
    } catch {
      // No context to be had: the DOM renderer stays.
      this.webglFailed = true;
    }
  }

  private dropWebgl(): void {
    const addon = this.webgl;
    if (!addon) return;
    this.webgl = null;
    // Disposing alone leaves the context alive (https://github.com/xtermjs/xterm.js/issues/6068).
    const canvases = this.element?.querySelectorAll('canvas') ?? [];
    const contexts = [...canvases].map((canvas) => canvas.getContext('webgl2'));
    addon.dispose();
    for (const context of contexts) context?.getExtension('WEBGL_lose_context')?.loseContext();
  }
}
