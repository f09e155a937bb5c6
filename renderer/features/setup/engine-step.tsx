import { Search } from 'lucide-react';
import { useState } from 'react';
import { toLmError, type EngineState, type ErrorData } from '../../../electron/contract';
import { useHost } from '../../client/host-context';
import { formatDuration } from '../../lib/format';
import { useNow } from '../../lib/use-now';
import { Button, ErrorBanner, Spinner } from '../../ui';
import type { SetupStepState } from './setup-progress';
import { StepCard } from './step-card';
import styles from './setup.module.css';

const products = { docker: 'Docker Engine', podman: 'Podman', unknown: 'Engine' };

export interface EngineStepProps {
  readonly state: SetupStepState;
  readonly engine: EngineState | null;
  /** Why the host could not even be asked. */
  readonly error: ErrorData | null;
}

export function EngineStep({ state, engine, error }: EngineStepProps) {
  if (engine?.state === 'connected') {
    const { facts, endpoint } = engine;
    return (
      <StepCard
        number={1}
        title="Container engine"
        state={state}
        summary={`${products[facts.product]} ${facts.version} · ${endpoint.label}`}
      >
        {facts.warnings.length > 0 && (
          <ul className={styles.warnings}>
            {facts.warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        )}
      </StepCard>
    );
  }
  return (
    <StepCard
      number={1}
      title="Container engine"
      state={state}
      summary={engine ? undefined : 'Asking the host…'}
    >
      {engine?.state === 'searching' && (
        <p className={styles.waiting}>
          <Spinner /> Looking for Docker or Podman…
        </p>
      )}
      {engine?.state === 'unavailable' && <UnavailableEngine engine={engine} />}
      {!engine && error && <ErrorBanner error={error} />}
    </StepCard>
  );
}

function UnavailableEngine({ engine }: { readonly engine: Extract<EngineState, { state: 'unavailable' }> }) {
  const host = useHost();
  const [searching, setSearching] = useState(false);
  const [error, setError] = useState<ErrorData | null>(null);
  const nowMs = useNow(engine.retryAtMs === null ? null : 1_000);
  const retryInMs = engine.retryAtMs === null ? null : engine.retryAtMs - nowMs;

  const search = async () => {
    setSearching(true);
    setError(null);
    try {
      await host.call('engine.search', null);
    } catch (failure) {
      setError(toLmError(failure).data);
    }
    setSearching(false);
  };

  return (
    <>
      <ErrorBanner error={engine.error} />
      {error && <ErrorBanner error={error} onDismiss={() => setError(null)} />}
      <div className={styles.actions}>
        <Button variant="primary" icon={<Search size={14} />} busy={searching} onClick={() => void search()}>
          Look again
        </Button>
        {retryInMs !== null && retryInMs > 0 && (
          <span className={styles.hint}>
            Looks by itself in {formatDuration(Math.ceil(retryInMs / 1000) * 1000)}
          </span>
        )}
      </div>
      {engine.tried.length > 0 && (
        <details className={styles.details}>
          <summary>Where it looked ({engine.tried.length})</summary>
          <ul className={styles.tried}>
            {engine.tried.map((attempt) => (
              <li key={`${attempt.endpoint.origin} ${attempt.endpoint.url}`}>
                <code>{attempt.endpoint.url}</code>
                <span>{attempt.error.message}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
