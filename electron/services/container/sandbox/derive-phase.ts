import { LmError, type ErrorData, type SandboxOperation, type SandboxPhase } from '../../../contract';
import type { ContainerInspection } from '../ports';

/** How a container that no longer runs came to its end, as far as the host saw it. */
export type Ending =
  /** This app stopped it. */
  | 'requested'
  /** Somebody else stopped or killed it through the engine. */
  | 'from-outside'
  /** It ran before the connection to the engine was lost, and no longer when that came back. */
  | 'out-of-sight'
  /** The engine reported that the kernel ended a process for lack of memory. */
  | 'out-of-memory'
  | 'unknown';

export interface SandboxObservation {
  /** Whether an engine is connected; without one nothing is known. */
  readonly connected: boolean;
  readonly operation: SandboxOperation | null;
  readonly container: ContainerInspection | null;
  /** Made by this app, or adopted. */
  readonly ours: boolean;
  readonly ending: Ending;
  /** `starting` until the gateway answered for the first time in this run. */
  readonly gateway: 'starting' | 'ok' | 'failing';
  readonly gatewayError: ErrorData | null;
  /** The last lines of a container that failed. */
  readonly lastLines: readonly string[];
}

export interface DerivedPhase {
  readonly phase: SandboxPhase;
  /** Why the phase is what it is, where that is a failure. */
  readonly error: ErrorData | null;
}

/** The whole state machine: what is observed decides, so nothing missed between two looks can mislead it. */
export function derivePhase(observation: SandboxObservation): DerivedPhase {
  const { container, operation } = observation;
  if (!observation.connected) return { phase: 'unknown', error: null };
  if (container === null) return { phase: 'absent', error: null };
  if (!observation.ours) return { phase: 'foreign', error: foreignError(container) };
  switch (container.state) {
    case 'created':
      if (operation === 'start' || operation === 'create' || operation === 'recreate')
        return plain('starting');
      return container.error ? { phase: 'failed', error: container.error } : plain('created');
    case 'restarting':
      return plain('starting');
    case 'removing':
      return plain('stopping');
    case 'paused':
      return isEnding(operation) ? plain('stopping') : { phase: 'unhealthy', error: pausedError(container) };
    case 'running':
      return isEnding(operation) ? plain('stopping') : deriveRunning(observation, container);
    case 'exited':
    case 'dead':
      if (operation === 'start' || operation === 'restart') return plain('starting');
      return deriveEnded(observation, container);
  }
}

const plain = (phase: SandboxPhase): DerivedPhase => ({ phase, error: null });

function isEnding(operation: SandboxOperation | null): boolean {
  return (
    operation === 'stop' || operation === 'restart' || operation === 'remove' || operation === 'recreate'
  );
}

function deriveRunning(observation: SandboxObservation, container: ContainerInspection): DerivedPhase {
  const unreachable =
    observation.gateway === 'failing' ? (observation.gatewayError ?? gatewayError(container)) : null;
  if (observation.gateway === 'ok') return plain('healthy');
  // The gateway may answer in the container and not through its published port.
  if (container.health === 'healthy') return { phase: 'healthy', error: unreachable };
  if (container.health === 'unhealthy' || unreachable) {
    return { phase: 'unhealthy', error: unreachable ?? gatewayError(container) };
  }
  return plain('starting');
}

function deriveEnded(observation: SandboxObservation, container: ContainerInspection): DerivedPhase {
  const { ending } = observation;
  const details = {
    exitCode: container.exitCode,
    ...(observation.lastLines.length > 0 ? { lastLines: observation.lastLines.join('\n') } : {}),
  };
  if (ending === 'requested') return plain('stopped');
  if (container.outOfMemory || ending === 'out-of-memory') {
    return { phase: 'failed', error: outOfMemoryError(container, details, true) };
  }
  if (ending === 'from-outside') return plain('stopped');
  if (ending === 'out-of-sight') {
    return {
      phase: 'stopped',
      error: new LmError(
        'container_not_running',
        'The sandbox ended while the container engine was out of reach; it was likely restarted.',
        {
          details,
          repair: { text: 'Start it again; the workspace and the models are kept.' },
          retryable: true,
        },
      ).data,
    };
  }
  // The kernel's flag gets lost on some systems; nothing else ends a container with SIGKILL by itself.
  if (container.exitCode === 137)
    return { phase: 'failed', error: outOfMemoryError(container, details, false) };
  if (container.error) return { phase: 'failed', error: container.error };
  // 0 is its own end, 143 and 130 are the usual requests to end.
  if (container.exitCode === 0 || container.exitCode === 143 || container.exitCode === 130)
    return plain('stopped');
  return {
    phase: 'failed',
    error: new LmError(
      'container_failed',
      `The sandbox ended by itself with exit code ${container.exitCode ?? '?'}.`,
      {
        details,
        repair: { text: 'Its last lines in the log say why. Start it again, or recreate it.' },
        retryable: true,
      },
    ).data,
  };
}

function outOfMemoryError(
  container: ContainerInspection,
  details: ErrorData['details'],
  certain: boolean,
): ErrorData {
  const message = certain
    ? 'The sandbox was ended for lack of memory.'
    : 'The sandbox was killed (exit code 137), likely out of memory.';
  const text =
    container.memoryLimitBytes === null
      ? 'Start it again with a smaller model, or close other programs on this computer.'
      : 'Start it again with a smaller model, or raise the memory limit in the settings and recreate it.';
  return new LmError('out_of_memory', message, { details, repair: { text }, retryable: true }).data;
}

function foreignError(container: ContainerInspection): ErrorData {
  return new LmError(
    'name_in_use',
    `A container named "${container.name}" exists that lm-sandbox did not make.`,
    {
      details: { containerId: container.id, image: container.imageReference },
      repair: {
        text: 'Take it over, choose another name in the settings, or rename it.',
        command: `docker rename ${container.name} ${container.name}-old`,
      },
    },
  ).data;
}

function pausedError(container: ContainerInspection): ErrorData {
  return new LmError('container_not_running', 'The sandbox was paused from outside.', {
    repair: { text: 'Start it to let it continue.', command: `docker unpause ${container.name}` },
    retryable: true,
  }).data;
}

function gatewayError(container: ContainerInspection): ErrorData {
  return new LmError('gateway_unreachable', 'The sandbox runs, but its gateway does not answer.', {
    details: { container: container.name },
    repair: { text: 'Look at the container log; restarting the sandbox often helps.' },
    retryable: true,
  }).data;
}
