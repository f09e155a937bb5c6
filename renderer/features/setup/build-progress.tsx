import { Check, CircleDashed, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand';
import type { BuildState, BuildStep } from '../../../electron/contract';
import { classNames } from '../../lib/class-names';
import { formatByteProgress, formatClock, formatDuration } from '../../lib/format';
import { useNow } from '../../lib/use-now';
import { Badge, Banner, Button, ErrorBanner, ProgressBar, Spinner } from '../../ui';
import type { BuildFollower } from './build-follower';
import { BuildLogButton, LoadedBuildLog } from './build-log-disclosure';
import styles from './build-progress.module.css';

export interface BuildProgressProps {
  readonly build: BuildState;
  readonly follower: BuildFollower;
}

/** A build as it runs or as it ended: how far, which step, its log, and the way out. */
export function BuildProgress({ build, follower }: BuildProgressProps) {
  const running = build.status === 'running';
  const cancelling = useStore(follower.store, (state) => state.cancelling);
  const [logShown, setLogShown] = useState(false);
  const nowMs = useNow(running ? 1_000 : null);
  const elapsedMs = (build.finishedAtMs ?? nowMs) - build.startedAtMs;
  const ended = build.steps.filter((step) => step.status === 'done' || step.status === 'cached').length;
  const total = Math.max(build.steps.length, ...build.steps.map((step) => step.total ?? 0));

  return (
    <div className={styles.build}>
      {running && (
        <ProgressBar
          label={cancelling ? 'Cancelling the build' : 'Building the image'}
          value={total > 0 ? ended / total : null}
          valueText={`${total > 0 ? `${ended} of ${total} steps · ` : ''}${formatClock(elapsedMs)}`}
          showTexts
        />
      )}
      {build.status === 'cancelled' && (
        <Banner tone="info" title="The build was cancelled.">
          <p>What was built so far is kept, so the next build goes on from there.</p>
        </Banner>
      )}
      {build.status === 'failed' &&
        (build.error ? (
          <ErrorBanner error={build.error} />
        ) : (
          <Banner tone="danger" title="The build failed.">
            <p>The log says where.</p>
          </Banner>
        ))}
      {build.steps.length > 0 && <StepList steps={build.steps} running={running} />}
      <div className={styles.actions}>
        <BuildLogButton name="log" shown={logShown} onShownChange={setLogShown} />
        {running && (
          <Button
            size="small"
            icon={<X size={13} />}
            busy={cancelling}
            onClick={() => void follower.cancel()}
          >
            Cancel build
          </Button>
        )}
      </div>
      {logShown && <LoadedBuildLog log={follower.log} />}
    </div>
  );
}

function StepList({ steps, running }: { readonly steps: readonly BuildStep[]; readonly running: boolean }) {
  const list = useRef<HTMLOListElement>(null);
  const activeIndex = steps.findIndex((step) => step.status === 'running' || step.status === 'failed');
  const nowMs = useNow(running ? 1_000 : null);

  useEffect(() => {
    // Only the list itself scrolls, never the page around it.
    const row = list.current?.children.item(activeIndex);
    if (!(row instanceof HTMLElement) || !list.current) return;
    list.current.scrollTop = row.offsetTop - list.current.clientHeight / 2;
  }, [activeIndex]);

  return (
    <ol className={styles.steps} ref={list} tabIndex={0} aria-label="Steps of the build">
      {steps.map((step) => (
        <li key={step.index} className={classNames(styles.step, styles[step.status])}>
          <StepMark status={step.status} />
          <span className={styles.name} title={step.name}>
            {step.name}
          </span>
          {step.status === 'cached' && <Badge>cached</Badge>}
          <StepAmount text={stepAmount(step, nowMs)} />
        </li>
      ))}
    </ol>
  );
}

function StepAmount({ text }: { readonly text: string }) {
  // None rather than an empty one, whose gap would set the badge of a cached step off from the edge.
  return text === '' ? null : <span className={styles.amount}>{text}</span>;
}

function stepAmount(step: BuildStep, nowMs: number): string {
  const bytes = step.completedBytes === null ? '' : formatByteProgress(step.completedBytes, step.totalBytes);
  const timed = step.status === 'done' || step.status === 'running' || step.status === 'failed';
  if (!timed || step.startedAtMs === null) return bytes;
  const durationMs = (step.finishedAtMs ?? nowMs) - step.startedAtMs;
  const time = step.finishedAtMs === null ? formatClock(durationMs) : formatDuration(durationMs);
  return bytes ? `${bytes} · ${time}` : time;
}

const statusNames: Record<BuildStep['status'], string> = {
  waiting: 'waiting',
  running: 'running',
  done: 'done',
  cached: 'taken from the cache',
  failed: 'failed',
  cancelled: 'cancelled',
};

function StepMark({ status }: { readonly status: BuildStep['status'] }) {
  const label = statusNames[status];
  if (status === 'running') return <Spinner size={13} label={label} />;
  const Icon = { waiting: CircleDashed, done: Check, cached: Check, failed: X, cancelled: X }[status];
  return <Icon className={styles.mark} size={14} role="img" aria-label={label} />;
}
