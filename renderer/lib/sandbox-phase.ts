import type { SandboxOperation, SandboxPhase, SandboxStatus } from '../../electron/contract';

export interface PhaseDescription {
  /** Two words at most, for chips. */
  readonly label: string;
  readonly tone: 'neutral' | 'ok' | 'warning' | 'danger' | 'info';
  /** Something is under way. */
  readonly moving: boolean;
}

const phases: Record<SandboxPhase, PhaseDescription> = {
  unknown: { label: 'No engine', tone: 'neutral', moving: false },
  absent: { label: 'Not created', tone: 'neutral', moving: false },
  foreign: { label: 'Name taken', tone: 'warning', moving: false },
  created: { label: 'Not started', tone: 'neutral', moving: false },
  starting: { label: 'Starting', tone: 'info', moving: true },
  healthy: { label: 'Running', tone: 'ok', moving: false },
  unhealthy: { label: 'Unhealthy', tone: 'warning', moving: false },
  stopping: { label: 'Stopping', tone: 'info', moving: true },
  stopped: { label: 'Stopped', tone: 'neutral', moving: false },
  failed: { label: 'Failed', tone: 'danger', moving: false },
};

const operations: Record<SandboxOperation, string> = {
  create: 'Creating',
  adopt: 'Adopting',
  start: 'Starting',
  stop: 'Stopping',
  restart: 'Restarting',
  remove: 'Removing',
  recreate: 'Recreating',
};

/** How the sandbox is, in words and colour; an operation under way goes before the phase it started from. */
export function describePhase(status: Pick<SandboxStatus, 'phase' | 'operation'> | null): PhaseDescription {
  if (!status) return { label: 'Connecting', tone: 'neutral', moving: true };
  if (status.operation) return { label: operations[status.operation], tone: 'info', moving: true };
  return phases[status.phase];
}

/** Whether programs run in the container, healthy or not. */
export function isRunning(phase: SandboxPhase): boolean {
  return phase === 'starting' || phase === 'healthy' || phase === 'unhealthy';
}

/** Which operations the phase allows; nothing while another one is under way. */
export function allowedOperations(
  status: Pick<SandboxStatus, 'phase' | 'operation'> | null,
): ReadonlySet<SandboxOperation> {
  if (!status || status.operation) return new Set();
  const byPhase: Record<SandboxPhase, readonly SandboxOperation[]> = {
    unknown: [],
    absent: ['create'],
    foreign: ['adopt'],
    created: ['start', 'recreate', 'remove'],
    starting: ['stop', 'restart', 'recreate', 'remove'],
    healthy: ['stop', 'restart', 'recreate', 'remove'],
    unhealthy: ['stop', 'restart', 'recreate', 'remove'],
    stopping: [],
    stopped: ['start', 'recreate', 'remove'],
    failed: ['start', 'recreate', 'remove'],
  };
  return new Set(byPhase[status.phase]);
}
