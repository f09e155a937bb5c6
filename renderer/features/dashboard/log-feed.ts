import { createStore, type StoreApi } from 'zustand/vanilla';
import { maxLogLines, type ErrorData, type LogLine } from '../../../electron/contract';
import type { HostClient } from '../../../electron/rpc/client-types';
import { plainLogText } from './ansi';

/** A line of the log, or the mark of lines that did not arrive. */
export type LogEntry =
  | { readonly kind: 'line'; readonly key: string; readonly line: LogLine; readonly plainText: string }
  | { readonly kind: 'gap'; readonly key: string; readonly text: string };

export interface LogFeedState {
  readonly ready: boolean;
  readonly error: ErrorData | null;
  /** Grows with each batch that is to be shown: the entries themselves stay outside React. */
  readonly version: number;
}

/**
 * The log as the page has it: newest entries in a ring, announced at most once a frame. Lines that were lost on
 * the way leave a mark with their number.
 */
export class LogFeed {
  readonly state: StoreApi<LogFeedState> = createStore<LogFeedState>(() => ({
    ready: false,
    error: null,
    version: 0,
  }));
  private kept: LogEntry[] = [];
  private nextSequence: number | null = null;
  private gaps = 0;
  private frame: number | null = null;

  constructor(private readonly capacity = maxLogLines) {}

  get entries(): readonly LogEntry[] {
    return this.kept;
  }

  open(host: HostClient): () => void {
    const stream = host.watch('logs.watch', null, {
      onChunk: (chunk, consumed) => {
        switch (chunk.kind) {
          case 'state':
            this.state.setState({ ready: true, error: chunk.error });
            break;
          case 'gap':
            // Which lines were in the lost chunks shows the next line's number.
            break;
          case 'lines':
            if (chunk.replace) this.clear();
            this.append(chunk.lines);
        }
        this.announce(consumed);
      },
      onError: (error) => this.state.setState({ ready: true, error: error.data }),
    });
    return () => {
      stream.close();
      if (this.frame !== null) cancelAnimationFrame(this.frame);
      this.frame = null;
      this.consumptions = [];
    };
  }

  private consumptions: (() => void)[] = [];

  /** Counts as consumed once it is about to be painted; a hidden page has no frames and takes it at once. */
  private announce(consumed: () => void): void {
    this.consumptions.push(consumed);
    if (document.hidden) {
      this.flush();
      return;
    }
    this.frame ??= requestAnimationFrame(() => this.flush());
  }

  private flush(): void {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = null;
    this.state.setState(({ version }) => ({ version: version + 1 }));
    for (const consumed of this.consumptions.splice(0)) consumed();
  }

  private clear(): void {
    this.kept = [];
    this.nextSequence = null;
  }

  private append(lines: readonly LogLine[]): void {
    const added: LogEntry[] = [];
    for (const line of lines) {
      if (this.nextSequence !== null && line.sequence > this.nextSequence) {
        added.push(this.gap(line.sequence - this.nextSequence));
      }
      this.nextSequence = line.sequence + 1;
      added.push({ kind: 'line', key: `line-${line.sequence}`, line, plainText: plainLogText(line.text) });
    }
    // A new array: the list is compared by identity.
    this.kept = [...this.kept, ...added].slice(-this.capacity);
  }

  private gap(count: number): LogEntry {
    this.gaps += 1;
    const text = `${count.toLocaleString('en-US')} ${count === 1 ? 'line' : 'lines'} left out: they came faster than they could be shown`;
    return { kind: 'gap', key: `gap-${this.gaps}`, text };
  }
}
