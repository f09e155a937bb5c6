import { LmError, defaultSettings, type Settings, type SettingsState } from '../../contract';
import { Emitter } from '../foundation';
import type { PtyEnd, TerminalSize } from '../terminal';
import type {
  EmbeddedRuntime,
  EmbeddedWishes,
  Launch,
  LaunchRequest,
  LocalPty,
  PreparedPlace,
  PtyLauncher,
} from './ports';

export const missing = new LmError('isolation_missing', 'Bubblewrap is not installed.', {
  repair: { text: 'Install it.', command: 'sudo apt install bubblewrap' },
});

/** A computer whose bubblewrap works until a test says otherwise. */
export class FakeRuntime implements EmbeddedRuntime {
  readonly folders = { home: '/data/embedded/home', workspace: '/data/embedded/workspace' };
  readonly inside = { home: '/home/sandbox', workspace: '/workspace' };
  readonly calls: string[] = [];
  readonly ended: number[] = [];
  refusal: LmError | null = null;
  folderFailure: LmError | null = null;
  endFailure: Error | null = null;
  /** Set to hold `end` until it resolves. */
  onEnd: (processId: number) => Promise<void> = () => Promise.resolve();
  wishes: EmbeddedWishes | null = null;

  prepareFolders(): Promise<void> {
    this.calls.push('prepareFolders');
    return this.folderFailure ? Promise.reject(this.folderFailure) : Promise.resolve();
  }

  clearTemporaryFiles(): Promise<void> {
    this.calls.push('clearTemporaryFiles');
    return Promise.resolve();
  }

  tryBubblewrap(wishes: EmbeddedWishes): Promise<PreparedPlace> {
    this.calls.push('tryBubblewrap');
    this.wishes = wishes;
    if (this.refusal) return Promise.reject(this.refusal);
    return Promise.resolve(
      this.place({ kind: 'bubblewrap', version: '0.8.0', user: 'own', systemCallFilter: true }),
    );
  }

  withoutIsolation(
    _wishes: EmbeddedWishes,
    reason: Parameters<EmbeddedRuntime['withoutIsolation']>[1],
  ): Promise<PreparedPlace> {
    this.calls.push('withoutIsolation');
    return Promise.resolve(this.place(reason));
  }

  async end(processId: number): Promise<void> {
    if (this.endFailure) throw this.endFailure;
    await this.onEnd(processId);
    this.ended.push(processId);
  }

  private place(isolation: PreparedPlace['isolation']): PreparedPlace {
    const none = { wanted: null, heldBy: null, problem: null };
    return {
      isolation,
      limits: { processes: none, openFiles: none, memoryBytes: none, cpus: none },
      launch: ({ command, workingFolder }: LaunchRequest) => ({
        command:
          isolation.kind === 'bubblewrap' && command && workingFolder
            ? ['bwrap', workingFolder, ...command]
            : (command ?? [isolation.kind === 'bubblewrap' ? 'bwrap' : 'bash']),
        environment: {},
        workingFolder: '/',
      }),
      release: () => {
        this.calls.push('release');
        return Promise.resolve();
      },
    };
  }
}

export class FakePty implements LocalPty {
  private readonly listeners: ((end: PtyEnd) => void)[] = [];
  private ended: PtyEnd | null = null;

  constructor(
    readonly processId: number,
    readonly launch: Launch,
    readonly place: LocalPty['place'],
  ) {}

  onData(): void {}
  onEnd(listener: (end: PtyEnd) => void): void {
    if (this.ended) listener(this.ended);
    else this.listeners.push(listener);
  }
  write(): void {}
  resize(): void {}
  pause(): void {}
  resume(): void {}
  kill(): Promise<void> {
    return Promise.resolve();
  }

  exit(exitCode: number): void {
    this.ended = { kind: 'exited', exitCode };
    for (const listener of this.listeners) listener(this.ended);
  }
}

export class FakePtys implements PtyLauncher {
  readonly opened: FakePty[] = [];
  onOpen: () => Promise<void> = () => Promise.resolve();

  async open(_size: TerminalSize, launch: Launch, place: LocalPty['place']): Promise<LocalPty> {
    const pty = new FakePty(100 + this.opened.length, launch, place);
    this.opened.push(pty);
    await this.onOpen();
    return pty;
  }
}

export class FakeSettings {
  readonly onChanged = new Emitter<SettingsState>();
  private revision = 0;
  private settings: Settings;

  constructor(changes: Partial<Settings> = {}) {
    this.settings = { ...defaultSettings, ...changes };
  }

  current(): Settings {
    return this.settings;
  }

  update(changes: Partial<Settings>): Promise<SettingsState> {
    this.settings = { ...this.settings, ...changes };
    this.revision += 1;
    const state = { revision: this.revision, settings: this.settings, error: null };
    this.onChanged.emit(state);
    return Promise.resolve(state);
  }
}
