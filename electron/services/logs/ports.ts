import type { LmError } from '../../contract';

export type OutputSource = 'stdout' | 'stderr';

/** One line of a container's log. */
export interface ContainerLogLine {
  /** The engine's own time stamp, to the nanosecond and to be handed back as `since`; null where it gave none. */
  readonly timestamp: string | null;
  readonly timeMs: number | null;
  readonly source: OutputSource;
  readonly text: string;
}

/** Where a follower has got to: lines at exactly this time stamp may have been seen in part. */
export interface LogPosition {
  readonly timestamp: string;
  /** Lines already seen that carry exactly this time stamp. */
  readonly linesAtTimestamp: number;
}

export interface LogFollowOptions {
  /** Continue after this position; null: from the last `tailLines` lines. */
  readonly after: LogPosition | null;
  readonly tailLines: number;
}

export interface LogFollowHandlers {
  onLines(lines: readonly ContainerLogLine[], position: LogPosition | null): void;
  /** The log ended: null when the container stopped, else what went wrong. Called at most once. */
  onEnd(error: LmError | null): void;
}

/** Reads a container's log, also that of a stopped one. */
export interface ContainerLogSource {
  /** Follows until the container stops; the returned function ends it at once and silences the handlers. */
  follow(containerId: string, options: LogFollowOptions, handlers: LogFollowHandlers): () => void;
}
