import type { EmbeddedIsolation, EmbeddedLimits } from '../../contract';
import type { Pty, TerminalSize } from '../terminal';

/** A program as it is started on this computer: the sandboxing wrapper is part of the command. */
export interface Launch {
  readonly command: readonly [string, ...string[]];
  /** The whole environment; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** On this computer. */
  readonly workingFolder: string;
  /** Beginning of the names under which the program's own variables are carried inside; absent: as they are. */
  readonly variables?: string;
}

export interface LaunchRequest {
  /** Program and arguments as seen inside; null: a login shell. */
  readonly command: readonly [string, ...string[]] | null;
  /**
   * True when the program gets a terminal of its own, on which nobody else reads. Without, it is put into a session
   * of its own, so that it cannot push input into the terminal that this app was started from.
   */
  readonly terminal: boolean;
  /** Added to the sandbox's own variables. */
  readonly environment?: Readonly<Record<string, string>>;
  /** As seen inside; null: the workspace. */
  readonly workingFolder?: string | null;
}

/** What the person's settings ask for. */
export interface EmbeddedWishes {
  readonly network: boolean;
  readonly processes: number;
  readonly memoryBytes: number | null;
  readonly cpus: number | null;
}

/** How programs are run until the next start. */
export interface PreparedPlace {
  readonly isolation: Exclude<EmbeddedIsolation, { kind: 'unknown' }>;
  readonly limits: EmbeddedLimits;
  launch(request: LaunchRequest): Launch;
  /** Removes what the preparation made outside of the folders, such as a control group. */
  release(): Promise<void>;
}

export interface EmbeddedFolders {
  readonly home: string;
  readonly workspace: string;
}

/** This computer as a place for programs. */
export interface EmbeddedRuntime {
  readonly folders: EmbeddedFolders;
  /** Where programs in bubblewrap find the two. */
  readonly inside: EmbeddedFolders;
  /** Makes the folders, with an empty one for temporary files. Rejects with `storage_failed` or `disk_full`. */
  prepareFolders(): Promise<void>;
  /** Empties the folder for temporary files; only while nothing runs. */
  clearTemporaryFiles(): Promise<void>;
  /**
   * Runs a program in exactly the namespaces, views and limits that shells get. Rejects with `isolation_missing`,
   * `isolation_refused` or `unsupported`, each with its repair where there is one.
   */
  tryBubblewrap(wishes: EmbeddedWishes): Promise<PreparedPlace>;
  /** Programs on this computer itself, in the same folders; `reason` is why there is no isolation. */
  withoutIsolation(
    wishes: EmbeddedWishes,
    reason: EmbeddedIsolation & { kind: 'none' },
  ): Promise<PreparedPlace>;
  /**
   * Hangs up the programs of a launch, and kills what is left after a moment of grace. Resolves when none of them
   * is alive any more.
   */
  end(processId: number, launch: Launch): Promise<void>;
}

export interface LocalPty extends Pty {
  /** Of the first process of the launch. */
  readonly processId: number;
}

export interface PtyLauncher {
  open(size: TerminalSize, launch: Launch, place: Pty['place']): Promise<LocalPty>;
}
