import type { BuildState, EmbeddedStatus, EngineState, SandboxStatus } from '../../../electron/contract';

export type SetupStepId = 'engine' | 'image' | 'container';
export type SetupStepState = 'waiting' | 'current' | 'done' | 'failed';

export interface SetupProgress {
  readonly steps: Readonly<Record<SetupStepId, SetupStepState>>;
  /** The sandbox runs and is healthy. */
  readonly finished: boolean;
}

/** Where the way from nothing to a running sandbox stands, from nothing but what the host says. */
export function setupProgress(
  engine: EngineState | null,
  sandbox: SandboxStatus | null,
  build: BuildState | null,
): SetupProgress {
  const engineDone = engine?.state === 'connected';
  // A container that is there already needs no image of its own to be started.
  const hasContainer = sandbox !== null && sandbox.phase !== 'unknown' && sandbox.phase !== 'absent';
  const imageDone =
    engineDone && (sandbox?.image.state === 'present' || (hasContainer && sandbox.phase !== 'foreign'));
  const building = build?.status === 'running';
  const finished = engineDone && sandbox?.phase === 'healthy';

  const engineStep = engineDone ? 'done' : engine?.state === 'unavailable' ? 'failed' : 'current';
  const imageStep = () => {
    if (!engineDone) return 'waiting';
    if (building) return 'current';
    if (imageDone) return 'done';
    return build?.status === 'failed' ? 'failed' : 'current';
  };
  const containerStep = () => {
    if (finished) return 'done';
    if (!engineDone || !imageDone || building) return 'waiting';
    return sandbox.phase === 'failed' || sandbox.error ? 'failed' : 'current';
  };
  return { steps: { engine: engineStep, image: imageStep(), container: containerStep() }, finished };
}

/**
 * Whether the page has nothing to work with yet and should lead the person through the set-up: no engine, or no
 * container of ours. A stopped one is a matter of one button.
 */
export function needsSetup(engine: EngineState | null, sandbox: SandboxStatus | null): boolean {
  if (!engine || !sandbox) return false;
  if (engine.state === 'searching') return false;
  if (engine.state === 'unavailable') return true;
  return sandbox.phase === 'absent' || sandbox.phase === 'foreign';
}

/** The same where the person works without an engine: it asks something, or could not start. */
export function embeddedNeedsSetup(status: EmbeddedStatus | null): boolean {
  return status?.state === 'needs-consent' || status?.state === 'failed';
}
