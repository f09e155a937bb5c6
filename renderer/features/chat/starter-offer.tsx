import { Download } from 'lucide-react';
import { useRef, type RefObject } from 'react';
import type { ErrorData, StarterDownload, StarterModel } from '../../../electron/contract';
import { formatByteProgress, formatBytes, formatRate } from '../../lib/format';
import { useFocusAfter } from '../../lib/use-focus-after';
import { Button, ErrorBanner, ProgressBar, Spinner } from '../../ui';
import styles from './starter-offer.module.css';
import { useStarter } from './use-starter';

export interface StarterOfferProps {
  /** Why no model can run here; it comes before any download. */
  readonly problem?: ErrorData | null;
  /** Looks whether the problem is gone. */
  readonly onProblemRetry?: () => void;
  /** Other ways to a model, such as pulling one. */
  readonly onManage?: () => void;
  readonly manageLabel?: string;
}

/** Small models for whoever has none: what each is good for, and how far its download is. Nothing is fetched unasked. */
export function StarterOffer({ problem = null, onProblemRetry, onManage, manageLabel }: StarterOfferProps) {
  const { state, error, download, cancel, cancelling } = useStarter();
  const models = useRef<HTMLUListElement>(null);
  const first = useRef<HTMLButtonElement>(null);
  useFocusAfter(problem === null, first);
  if (!state) {
    return (
      <div className={styles.waiting}>
        {error ? <ErrorBanner error={error} /> : <Spinner size={20} label="Looking for starter models" />}
      </div>
    );
  }
  const running = state.download?.status === 'running' ? state.download : null;
  const failed = state.download?.status === 'failed' ? state.download : null;
  return (
    <section className={styles.offer} aria-label="Starter models">
      {problem && <ErrorBanner error={problem} onRetry={onProblemRetry} retryLabel="Look again" />}
      <div className={styles.intro}>
        <Download aria-hidden />
        <h3>{problem ? 'Small models to begin with' : 'Begin with a small model'}</h3>
        <p>
          {problem
            ? 'A download alone would not help: none of them runs here before that is repaired.'
            : 'It is fetched only if you say so, and runs on this computer.'}
        </p>
      </div>
      {error && <ErrorBanner error={error} />}
      {failed?.error && (
        <ErrorBanner
          error={failed.error}
          retryLabel="Try again"
          onRetry={() => {
            // This banner goes, and with it the button that has the focus.
            const index = state.models.findIndex(({ id }) => id === failed.modelId);
            models.current?.children[index]?.querySelector('button')?.focus();
            download(failed.modelId);
          }}
        />
      )}
      <ul ref={models} className={styles.models}>
        {state.models.map((model, index) => (
          <StarterRow
            key={model.id}
            button={index === 0 ? first : null}
            model={model}
            download={running?.modelId === model.id ? running : null}
            blocked={running !== null}
            useful={problem === null}
            onDownload={() => download(model.id)}
            onCancel={cancel}
            cancelling={cancelling}
          />
        ))}
      </ul>
      {onManage && (
        <Button variant="ghost" size="small" onClick={onManage}>
          {manageLabel}
        </Button>
      )}
    </section>
  );
}

interface StarterRowProps {
  readonly button: RefObject<HTMLButtonElement | null> | null;
  readonly model: StarterModel;
  readonly download: StarterDownload | null;
  readonly blocked: boolean;
  /** It could be run once it is there. */
  readonly useful: boolean;
  readonly onDownload: () => void;
  readonly onCancel: () => void;
  readonly cancelling: boolean;
}

function StarterRow({
  button,
  model,
  download,
  blocked,
  useful,
  onDownload,
  onCancel,
  cancelling,
}: StarterRowProps) {
  return (
    <li className={styles.model}>
      <div className={styles.texts}>
        <span className={styles.name}>{model.name}</span>
        <span className={styles.facts}>
          {formatBytes(model.sizeBytes)} · {model.license}
        </span>
        <span className={styles.use}>{model.use}</span>
      </div>
      {download ? (
        <Button
          size="small"
          busy={cancelling}
          onClick={onCancel}
          aria-label={`Cancel the download of ${model.name}`}
        >
          Cancel
        </Button>
      ) : (
        <Button
          ref={button}
          size="small"
          variant={useful ? 'primary' : 'secondary'}
          disabled={blocked || model.installed}
          onClick={onDownload}
          aria-label={`Download ${model.name}`}
        >
          {model.installed ? 'Downloaded' : 'Download'}
        </Button>
      )}
      {download && (
        <div className={styles.progress}>
          <ProgressBar
            label={asSentence(download.phase)}
            value={download.totalBytes ? download.completedBytes / download.totalBytes : null}
            valueText={describeDownload(download)}
            showTexts
          />
          {download.tried.map(({ mirror, reason }) => (
            <span key={mirror} className={styles.facts}>
              {mirror} did not work: {reason}
            </span>
          ))}
        </div>
      )}
    </li>
  );
}

function asSentence(phase: string): string {
  return phase.charAt(0).toUpperCase() + phase.slice(1);
}

function describeDownload(download: StarterDownload): string {
  return [
    formatByteProgress(download.completedBytes, download.totalBytes),
    download.bytesPerSecond === null ? null : formatRate(download.bytesPerSecond),
  ]
    .filter(Boolean)
    .join(' · ');
}
