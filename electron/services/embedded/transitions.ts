import type { EmbeddedState } from '../../contract';

export type EmbeddedEvent =
  | 'start'
  /** Bubblewrap holds what it promises here. */
  | 'isolated'
  /** It does not, and the person has not said that this is all right. */
  | 'not-isolated'
  | 'consented'
  | 'failed'
  | 'stop'
  | 'stopped';

const transitions: Record<EmbeddedState, Partial<Record<EmbeddedEvent, EmbeddedState>>> = {
  off: { start: 'checking' },
  checking: { isolated: 'ready', 'not-isolated': 'needs-consent', consented: 'ready', failed: 'failed' },
  // Start again: bubblewrap may have been installed meanwhile.
  'needs-consent': { start: 'checking', consented: 'ready', stop: 'stopping' },
  ready: { stop: 'stopping' },
  stopping: { stopped: 'off', failed: 'failed' },
  failed: { start: 'checking', stop: 'stopping' },
};

/** The state after an event; null where the event is not for this state. */
export function nextEmbeddedState(state: EmbeddedState, event: EmbeddedEvent): EmbeddedState | null {
  return transitions[state][event] ?? null;
}
