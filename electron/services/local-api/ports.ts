/** How programs are started; docker/gateway's launcher.py reads it. */
export interface LauncherDescription {
  readonly isolation: 'bubblewrap' | 'none';
  /** Stand before the folder and the program; empty without isolation. */
  readonly command: readonly string[];
  readonly terminal_command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Beginning of the names under which variables are carried inside. */
  readonly variables: string | null;
  readonly shell: string;
  readonly home: { readonly folder: string; readonly inside: string };
  readonly workspace: { readonly folder: string; readonly inside: string };
  /** As whom programs run, where that is another user. */
  readonly owner: number | null;
}

export interface PreparationProgress {
  readonly step: string;
  readonly completed: number;
  readonly total: number | null;
}

export interface RunningGateway {
  readonly address: string;
  /** Resolves when it has ended, with its last words. Commands of it have ended, too. */
  readonly ended: Promise<string>;
  /** Ends it, with all commands. Idempotent. */
  stop(): Promise<void>;
}

/** The gateway's Python package on this computer. */
export interface GatewayRuntime {
  readonly tokenFile: string;
  /** Made when it is first asked for. Rejects with `storage_failed` or `disk_full`. */
  token(): Promise<string>;
  /**
   * Makes the Python environment, where that is not done yet. Rejects with `unsupported` (no Python, too old, no pip),
   * `registry_unreachable`, `disk_full`, `storage_failed` or `cancelled`.
   */
  prepare(tell: (progress: PreparationProgress) => void, signal: AbortSignal): Promise<void>;
  /**
   * Resolves when it answers. Rejects with `port_in_use` or `internal`. `tellPrograms` gets the
   * process ids of the commands and sessions that run, at each change.
   */
  start(
    port: number,
    launcher: LauncherDescription,
    tellPrograms: (processIds: readonly number[]) => void,
  ): Promise<RunningGateway>;
}

/** The embedded models, for the gateway. */
export interface ModelDoor {
  open(): Promise<void>;
  close(): Promise<void>;
}
