import { FileUp, Trash2 } from 'lucide-react';
import { useId, useRef, useState, type DragEvent } from 'react';
import {
  LmError,
  toLmError,
  type ErrorData,
  type Model,
  type ModelJob,
  type ModelList,
} from '../../../electron/contract';
import { useHost } from '../../client/host-context';
import { classNames } from '../../lib/class-names';
import {
  Badge,
  Button,
  Checkbox,
  ConfirmDialog,
  Dialog,
  ErrorBanner,
  IconButton,
  ProgressBar,
  TextField,
} from '../../ui';
import { importFile } from './import-file';
import { describeLoad, describeModel, describeProgress, embeddedProblem, runtimeNames } from './models-text';
import styles from './models-dialog.module.css';
import { StarterOffer } from './starter-offer';

export interface ModelsDialogProps {
  readonly list: ModelList | null;
  readonly jobs: readonly ModelJob[];
  /** The models are those of the embedded place: files in a folder, fetched by the host itself. */
  readonly embedded: boolean;
  /** Asks for the models anew. */
  readonly onRefresh: () => void;
  readonly onClose: () => void;
}

/** Brings models into the sandbox, shows how far that is, and loads, unloads and removes what is there. */
export function ModelsDialog({ list, jobs, embedded, onRefresh, onClose }: ModelsDialogProps) {
  const host = useHost();
  const [error, setError] = useState<ErrorData | null>(null);
  const attempt = async (action: () => Promise<unknown>): Promise<void> => {
    setError(null);
    try {
      await action();
    } catch (failure) {
      const known = toLmError(failure);
      // A cancel is what the person asked for.
      if (known.code !== 'cancelled') setError(known.data);
    }
  };
  const pull = (name: string, insecure: boolean) =>
    attempt(() => host.call('models.pull', { name, insecure }));
  const ended = jobs.some((job) => job.status !== 'running');
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title="Models"
      width="large"
      footer={<Button onClick={onClose}>Close</Button>}
    >
      <div className={styles.sections}>
        {error && <ErrorBanner error={error} onDismiss={() => setError(null)} />}
        {!embedded && <PullForm onPull={pull} />}
        <ImportDrop onFile={(file) => attempt(() => importFile(host, file))} onRefused={setError} />
        {jobs.length > 0 && (
          <section className={styles.section} aria-label="Jobs">
            <div className={styles.sectionHeader}>
              <h3>Jobs</h3>
              {ended && (
                <Button
                  variant="ghost"
                  size="small"
                  onClick={() => void attempt(() => host.call('models.clearJobs', null))}
                >
                  Clear ended jobs
                </Button>
              )}
            </div>
            <ul className={styles.rows}>
              {[...jobs].reverse().map((job) => (
                <JobRow
                  key={job.id}
                  job={job}
                  onCancel={() => void attempt(() => host.call('models.cancelJob', { jobId: job.id }))}
                  onRetry={job.kind === 'pull' ? () => void pull(job.name, job.insecure ?? false) : null}
                />
              ))}
            </ul>
          </section>
        )}
        <section
          className={styles.section}
          aria-label={embedded ? 'Models on this computer' : 'Models in the sandbox'}
        >
          <h3>{embedded ? 'On this computer' : 'In the sandbox'}</h3>
          {list?.models.length ? (
            <ul className={styles.rows}>
              {list.models.map((model) => (
                <ModelRow
                  key={`${model.reference.runtime}/${model.reference.name}`}
                  model={model}
                  attempt={attempt}
                />
              ))}
            </ul>
          ) : (
            <p className={styles.hint}>
              {embedded
                ? 'No models yet. Fetch one below, or import a GGUF file.'
                : 'No models yet. Pull one from a registry, or import a GGUF file.'}
            </p>
          )}
        </section>
        {embedded && (
          <StarterOffer problem={list ? embeddedProblem(list) : null} onProblemRetry={onRefresh} />
        )}
      </div>
    </Dialog>
  );
}

function PullForm({ onPull }: { readonly onPull: (name: string, insecure: boolean) => Promise<void> }) {
  const [name, setName] = useState('');
  const [insecure, setInsecure] = useState(false);
  const [busy, setBusy] = useState(false);
  const trimmed = name.trim();
  const wrong =
    trimmed !== '' && !/^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/.test(trimmed)
      ? 'A model name has letters, digits and . _ : / @ - only.'
      : null;
  return (
    <form
      className={styles.section}
      onSubmit={(event) => {
        event.preventDefault();
        if (trimmed === '' || wrong) return;
        setBusy(true);
        void onPull(trimmed, insecure).finally(() => setBusy(false));
      }}
    >
      <h3>Pull with Ollama</h3>
      <div className={styles.pull}>
        <TextField
          label="Name"
          hideLabel
          className={styles.pullName}
          mono
          value={name}
          onValueChange={setName}
          error={wrong}
          placeholder="smollm2:135m or registry.example/library/name:tag"
        />
        <Button type="submit" variant="primary" busy={busy} disabled={trimmed === '' || wrong !== null}>
          Pull
        </Button>
      </div>
      <Checkbox
        label="Allow plain HTTP"
        description="Only for a registry in your own network that has no TLS."
        checked={insecure}
        onCheckedChange={setInsecure}
      />
    </form>
  );
}

function ImportDrop({
  onFile,
  onRefused,
}: {
  readonly onFile: (file: File) => Promise<void>;
  readonly onRefused: (error: ErrorData) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  const inputId = useId();
  const [over, setOver] = useState(false);
  const take = (file: File | undefined) => {
    if (!file) return;
    if (!/\.gguf$/i.test(file.name)) {
      onRefused(
        new LmError('model_invalid', `${file.name} is not a GGUF model file.`, {
          repair: { text: 'Choose a file that ends in .gguf.' },
        }).data,
      );
      return;
    }
    void onFile(file);
  };
  const handleDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files[0]);
  };
  return (
    <section className={styles.section} aria-label="Import">
      <h3>Import a GGUF file for llama.cpp</h3>
      <div
        className={classNames(styles.drop, over && styles.over)}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={handleDrop}
      >
        <FileUp size={18} aria-hidden />
        <span>Drop a .gguf file here, or</span>
        <Button size="small" onClick={() => input.current?.click()}>
          Choose a file…
        </Button>
        <input
          ref={input}
          id={inputId}
          type="file"
          accept=".gguf"
          aria-label="GGUF file"
          className={styles.file}
          tabIndex={-1}
          onChange={(event) => {
            take(event.currentTarget.files?.[0]);
            event.currentTarget.value = '';
          }}
        />
      </div>
    </section>
  );
}

const endings: Record<Exclude<ModelJob['status'], 'running'>, string> = {
  succeeded: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
};

function JobRow({
  job,
  onCancel,
  onRetry,
}: {
  readonly job: ModelJob;
  readonly onCancel: () => void;
  readonly onRetry: (() => void) | null;
}) {
  const share =
    job.completedBytes !== null && job.totalBytes ? Math.min(1, job.completedBytes / job.totalBytes) : null;
  const verb = job.kind === 'pull' ? 'Pull' : 'Import';
  if (job.status === 'running') {
    return (
      <li className={styles.job}>
        <div className={styles.jobBar}>
          <ProgressBar
            label={`${verb} ${job.name}`}
            value={share}
            valueText={describeProgress(job)}
            showTexts
          />
        </div>
        <Button size="small" onClick={onCancel} aria-label={`Cancel ${verb.toLowerCase()} of ${job.name}`}>
          Cancel
        </Button>
      </li>
    );
  }
  if (job.status === 'failed' && job.error) {
    return (
      <li>
        <ErrorBanner error={job.error} {...(onRetry ? { onRetry, retryLabel: `${verb} again` } : {})} />
      </li>
    );
  }
  return (
    <li className={styles.job}>
      <span className={styles.rowName}>
        {verb} {job.name}
      </span>
      <Badge tone={job.status === 'succeeded' ? 'ok' : 'neutral'}>{endings[job.status]}</Badge>
      {job.status === 'cancelled' && onRetry && (
        <Button size="small" onClick={onRetry}>
          {verb} again
        </Button>
      )}
    </li>
  );
}

function ModelRow({
  model,
  attempt,
}: {
  readonly model: Model;
  readonly attempt: (action: () => Promise<unknown>) => Promise<void>;
}) {
  const host = useHost();
  const [busy, setBusy] = useState(false);
  const [removing, setRemoving] = useState(false);
  const { reference } = model;
  const load = describeLoad(model.load);
  const run = (action: () => Promise<unknown>) => {
    setBusy(true);
    void attempt(action).finally(() => setBusy(false));
  };
  const loaded = model.load.state === 'loaded';
  return (
    <li className={styles.row}>
      <div className={styles.rowTexts}>
        <span className={styles.rowName}>{reference.name}</span>
        <span className={styles.hint}>
          {[runtimeNames[reference.runtime], describeModel(model)].filter(Boolean).join(' · ')}
        </span>
        {model.load.error && <span className={styles.problem}>{model.load.error.message}</span>}
      </div>
      <Badge tone={load.tone}>{load.label}</Badge>
      <Button
        size="small"
        busy={busy || model.load.state === 'loading'}
        aria-label={`${loaded ? 'Unload' : 'Load'} ${reference.name}`}
        onClick={() => run(() => host.call(loaded ? 'models.unload' : 'models.load', { model: reference }))}
      >
        {loaded ? 'Unload' : 'Load'}
      </Button>
      <IconButton
        label={`Remove ${reference.name}`}
        size="small"
        tone="danger"
        icon={<Trash2 />}
        onClick={() => setRemoving(true)}
      />
      <ConfirmDialog
        open={removing}
        onOpenChange={setRemoving}
        title="Remove this model?"
        description={`The files of ${reference.name} will be deleted from ${
          reference.runtime === 'embedded' ? 'this computer' : 'the sandbox'
        }.`}
        confirmLabel="Remove model"
        onConfirm={() => run(() => host.call('models.remove', { model: reference }))}
      />
    </li>
  );
}
