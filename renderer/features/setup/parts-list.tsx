import type { SandboxPart } from '../../../electron/contract';
import { StatusDot, type Tone } from '../../ui';
import styles from './setup.module.css';

const names: Record<SandboxPart['name'], string> = {
  gateway: 'Gateway',
  ollama: 'Ollama',
  'llama-cpp': 'llama.cpp',
};

const states: Record<
  SandboxPart['state'],
  { readonly label: string; readonly tone: Tone; readonly moving?: true }
> = {
  unknown: { label: 'no report yet', tone: 'neutral' },
  disabled: { label: 'switched off', tone: 'neutral' },
  starting: { label: 'starting', tone: 'info', moving: true },
  ready: { label: 'ready', tone: 'ok' },
  'backing-off': { label: 'crashed, starts again soon', tone: 'warning', moving: true },
  crashed: { label: 'crashed', tone: 'danger' },
};

/** The supervised programs in the container. */
export function PartsList({ parts }: { readonly parts: readonly SandboxPart[] }) {
  return (
    <ul className={styles.parts} aria-label="Parts of the sandbox">
      {parts.map((part) => {
        const state = states[part.state];
        return (
          <li key={part.name} className={styles.part}>
            <StatusDot tone={state.tone} pulsing={state.moving} />
            <span className={styles.partName}>{names[part.name]}</span>
            <span className={styles.partState}>
              {state.label}
              {part.restarts ? `, ${part.restarts} ${part.restarts === 1 ? 'restart' : 'restarts'}` : ''}
            </span>
            {part.lastError && part.state !== 'ready' && (
              <span className={styles.partState}>{part.lastError}</span>
            )}
          </li>
        );
      })}
    </ul>
  );
}
