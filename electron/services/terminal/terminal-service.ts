import { randomUUID } from 'node:crypto';
import {
  LmError,
  maxTerminals,
  type StreamSink,
  type TerminalChunk,
  type TerminalColors,
  type TerminalInfo,
  type TerminalList,
} from '../../contract';
import { Emitter, type Clock, type Disposable } from '../foundation';
import { Dialogues } from './dialogues';
import type { PtyBackend, ScreenMirrorFactory, TerminalSize } from './ports';
import { TerminalSession } from './terminal-session';

/** Colours answered to queries before a page has said what it shows. */
const initialColors: TerminalColors = {
  foreground: '#d8dee9',
  background: '#16181d',
  cursor: '#d8dee9',
  palette: [
    '#2b303b', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#abb2bf',
    '#5c6370', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#ffffff',
  ],
}; // prettier-ignore

export interface TerminalServiceDeps {
  readonly backend: PtyBackend;
  readonly createMirror: ScreenMirrorFactory;
  readonly clock: Clock;
}

/** The shells of the host. They live until closed, whatever becomes of the pages that show them. */
export class TerminalService implements Disposable {
  private readonly sessions = new Map<string, TerminalSession>();
  private readonly dialogues = new Dialogues();
  private opening = 0;
  private revision = 0;
  private colors = initialColors;
  private disposed = false;
  private readonly changed = new Emitter<TerminalList>();
  readonly onChanged = (listener: (list: TerminalList) => void) => this.changed.on(listener);

  constructor(private readonly deps: TerminalServiceDeps) {}

  list(): TerminalList {
    return { revision: this.revision, terminals: [...this.sessions.values()].map((session) => session.info) };
  }

  async open(size: TerminalSize): Promise<TerminalInfo> {
    if (this.sessions.size + this.opening >= maxTerminals) {
      throw new LmError('too_many', `There are ${String(maxTerminals)} terminals open already.`, {
        repair: { text: 'Close one that is not needed.' },
      });
    }
    this.opening += 1;
    try {
      const pty = await this.deps.backend.open(size);
      if (this.disposed) {
        await pty.kill();
        throw new LmError('cancelled', 'The host is shutting down.');
      }
      const id = randomUUID();
      const session = new TerminalSession({
        id,
        pty,
        size,
        colors: this.colors,
        createMirror: this.deps.createMirror,
        clock: this.deps.clock,
        dialogues: this.dialogues,
        onChanged: () => this.publish(),
      });
      this.sessions.set(id, session);
      this.publish();
      return session.info;
    } finally {
      this.opening -= 1;
    }
  }

  /** `page` is the connection of the one that asks, here and for `write`. */
  attach(id: string, sink: StreamSink<TerminalChunk>, page: string): void {
    this.require(id).attach(sink, page);
  }

  write(id: string, data: Uint8Array, page: string): void {
    this.require(id).write(data, page);
  }

  resize(id: string, size: TerminalSize): void {
    this.require(id).resize(size);
  }

  setColors(colors: TerminalColors): void {
    this.colors = colors;
    for (const session of this.sessions.values()) session.setColors(colors);
  }

  /** Ends the shell and forgets the terminal. */
  async close(id: string): Promise<void> {
    const session = this.require(id);
    this.sessions.delete(id);
    this.publish();
    try {
      await session.kill();
    } finally {
      session.dispose();
    }
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    await Promise.allSettled(sessions.map((session) => session.kill()));
    for (const session of sessions) session.dispose();
    this.changed.clear();
  }

  private require(id: string): TerminalSession {
    const session = this.sessions.get(id);
    if (!session) throw new LmError('not_found', 'This terminal is not open any more.');
    return session;
  }

  private publish(): void {
    if (this.disposed) return;
    this.revision += 1;
    this.changed.emit(this.list());
  }
}
