import type { EmbeddedState, EmbeddedStatus } from '../../electron/contract';
import type { PhaseDescription } from './sandbox-phase';

const states: Record<EmbeddedState, PhaseDescription> = {
  off: { label: 'Stopped', tone: 'neutral', moving: false },
  checking: { label: 'Starting', tone: 'info', moving: true },
  'needs-consent': { label: 'Needs your answer', tone: 'warning', moving: false },
  ready: { label: 'Running', tone: 'ok', moving: false },
  stopping: { label: 'Stopping', tone: 'info', moving: true },
  failed: { label: 'Failed', tone: 'danger', moving: false },
};

/** How the embedded sandbox is, in words and colour. Without isolation "running" is nothing to be green about. */
export function describeEmbedded(
  status: Pick<EmbeddedStatus, 'state' | 'isolation'> | null,
): PhaseDescription {
  if (!status) return { label: 'Connecting', tone: 'neutral', moving: true };
  if (status.state === 'ready' && status.isolation.kind === 'none') {
    return { label: 'Running, not isolated', tone: 'warning', moving: false };
  }
  return states[status.state];
}

export type EmbeddedOperation = 'start' | 'stop' | 'restart' | 'consent' | 'network';

export function allowedEmbedded(state: EmbeddedState | null): ReadonlySet<EmbeddedOperation> {
  switch (state) {
    case 'off':
    case 'failed':
      return new Set(['start', 'network']);
    case 'needs-consent':
      return new Set(['start', 'stop', 'consent', 'network']);
    case 'ready':
      return new Set(['stop', 'restart', 'network']);
    case 'checking':
    case 'stopping':
    case null:
      return new Set();
  }
}
