import { RotateCw } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ErrorData } from '../../electron/contract';
import { Banner } from './banner';
import { Button } from './button';
import { CopyableCommand } from './copyable-command';
import styles from './banner.module.css';

export interface ErrorBannerProps {
  readonly error: ErrorData;
  /** Shown as a button where trying again makes sense. */
  readonly onRetry?: () => void;
  readonly retryLabel?: string;
  readonly retrying?: boolean;
  readonly onDismiss?: () => void;
  /** Further buttons beside the retry. */
  readonly actions?: ReactNode;
  /** `warning` where the work goes on without what failed. */
  readonly tone?: 'danger' | 'warning';
  readonly className?: string;
}

/** An expected failure: what happened, what to do about it, the exact command, and the details on demand. */
export function ErrorBanner({
  error,
  onRetry,
  retryLabel = 'Try again',
  retrying,
  onDismiss,
  actions,
  tone = 'danger',
  className,
}: ErrorBannerProps) {
  const details = Object.entries(error.details).filter(([, value]) => value !== null && value !== '');
  const retry = onRetry && (
    <Button size="small" icon={<RotateCw size={13} />} busy={retrying} onClick={onRetry}>
      {retryLabel}
    </Button>
  );
  return (
    <Banner
      tone={tone}
      className={className}
      title={error.message}
      onDismiss={onDismiss}
      actions={
        retry || actions ? (
          <>
            {retry}
            {actions}
          </>
        ) : undefined
      }
    >
      {error.repair && <p>{error.repair.text}</p>}
      {error.repair?.command && <CopyableCommand command={error.repair.command} />}
      <details className={styles.details}>
        <summary>Details</summary>
        <dl className={styles.facts}>
          <dt>Code</dt>
          <dd>{error.code}</dd>
          {details.map(([name, value]) => (
            <div key={name} style={{ display: 'contents' }}>
              <dt>{name}</dt>
              <dd>{String(value)}</dd>
            </div>
          ))}
        </dl>
      </details>
    </Banner>
  );
}
