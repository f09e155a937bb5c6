import { Hammer, Play, RotateCw, Square, Trash2, Wrench } from 'lucide-react';
import { useState } from 'react';
import { useStore } from 'zustand';
import type { ContainerFacts, EngineGpu, SandboxStatus } from '../../../electron/contract';
import { useSettings } from '../../client/host-state';
import { formatBytes, formatDateTime, formatRelativeTime } from '../../lib/format';
import { allowedOperations, describePhase, isRunning } from '../../lib/sandbox-phase';
import { useNow } from '../../lib/use-now';
import { Badge, Banner, Button, ErrorBanner, Facts, StatusDot } from '../../ui';
import type { BuildFollower } from './build-follower';
import { BuildLogButton, LoadedBuildLog } from './build-log-disclosure';
import { BuildProgress } from './build-progress';
import { OperationError } from './operation-error';
import { PartsList } from './parts-list';
import { RecreateDialog } from './recreate-dialog';
import { RemoveDialog } from './remove-dialog';
import { useSandboxActions, useSandboxActionState } from './sandbox-actions';
import styles from './setup.module.css';

export interface SandboxOverviewProps {
  readonly status: SandboxStatus;
  readonly container: ContainerFacts;
  readonly gpu: EngineGpu | null;
  readonly follower: BuildFollower;
}

/** The sandbox that is there: how it is, what can be done with it, what it was made of. */
export function SandboxOverview({ status, container, gpu, follower }: SandboxOverviewProps) {
  const actions = useSandboxActions();
  const settings = useSettings().value?.settings;
  const { pending, error } = useSandboxActionState();
  const [asking, setAsking] = useState<'recreate' | 'remove' | null>(null);
  const operation = status.operation ?? pending;
  const phase = describePhase({ phase: status.phase, operation });
  const allowed = allowedOperations({ phase: status.phase, operation });
  const running = isRunning(status.phase);

  return (
    <div className={styles.page}>
      <section className={styles.section} aria-label="State">
        <div className={styles.sectionHead}>
          <h2 className={styles.sectionTitle}>
            <span className={styles.phase}>
              <StatusDot tone={phase.tone} pulsing={phase.moving} />
              {container.name}
              <Badge tone={phase.tone}>{phase.label}</Badge>
            </span>
          </h2>
          <div className={styles.actions}>
            {running || status.phase === 'stopping' ? (
              <>
                <Button
                  icon={<RotateCw size={14} />}
                  busy={operation === 'restart'}
                  disabled={!allowed.has('restart') && operation !== 'restart'}
                  onClick={() => void actions.restart()}
                >
                  Restart
                </Button>
                <Button
                  icon={<Square size={14} />}
                  busy={operation === 'stop'}
                  disabled={!allowed.has('stop') && operation !== 'stop'}
                  onClick={() => void actions.stop()}
                >
                  Stop
                </Button>
              </>
            ) : (
              <Button
                variant="primary"
                icon={<Play size={14} />}
                busy={operation === 'start'}
                disabled={!allowed.has('start') && operation !== 'start'}
                onClick={() => void actions.start()}
              >
                Start
              </Button>
            )}
          </div>
        </div>
        {error && <OperationError error={error} onDismiss={actions.dismissError} />}
        {!error && status.error && <OperationError error={status.error} />}
        {container.outOfMemory && (
          <Banner tone="warning" title="The sandbox ran out of memory and was ended.">
            <p>Raise its memory limit in the settings, or load a smaller model.</p>
          </Banner>
        )}
        {container.outdated.length > 0 && (
          <Banner
            tone="info"
            title="Recreating would change this sandbox."
            actions={
              <Button
                size="small"
                icon={<Wrench size={13} />}
                busy={operation === 'recreate'}
                disabled={!allowed.has('recreate')}
                onClick={() => setAsking('recreate')}
              >
                Recreate…
              </Button>
            }
          >
            <ul className={styles.reasons}>
              {container.outdated.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          </Banner>
        )}
        {status.parts.length > 0 && running && <PartsList parts={status.parts} />}
      </section>

      <ContainerSection container={container} running={running} />
      <ImageSection status={status} follower={follower} />

      <section className={styles.section} aria-label="Replace or remove">
        <h2 className={styles.sectionTitle}>Replace or remove</h2>
        <div className={styles.actions}>
          <Button
            icon={<Wrench size={14} />}
            busy={operation === 'recreate'}
            disabled={!allowed.has('recreate')}
            onClick={() => setAsking('recreate')}
          >
            Recreate…
          </Button>
          <Button
            icon={<Trash2 size={14} />}
            busy={operation === 'remove'}
            disabled={!allowed.has('remove')}
            onClick={() => setAsking('remove')}
          >
            Remove…
          </Button>
          <span className={styles.hint}>Recreating is also the way to change between GPU and CPU.</span>
        </div>
      </section>

      {asking === 'recreate' && (
        <RecreateDialog
          onClose={() => setAsking(null)}
          gpu={gpu}
          wanted={settings?.gpu ?? null}
          onRecreate={(choice) => void actions.recreate(choice)}
        />
      )}
      {asking === 'remove' && (
        <RemoveDialog
          onClose={() => setAsking(null)}
          container={container}
          onRemove={(removeVolumes) => void actions.remove(removeVolumes)}
        />
      )}
    </div>
  );
}

function ContainerSection({
  container,
  running,
}: {
  readonly container: ContainerFacts;
  readonly running: boolean;
}) {
  const nowMs = useNow(30_000);
  const since = running ? container.startedAtMs : container.finishedAtMs;
  return (
    <section className={styles.section} aria-label="Container">
      <h2 className={styles.sectionTitle}>Container</h2>
      <Facts
        facts={[
          { name: 'Identifier', value: container.id.slice(0, 12), mono: true },
          { name: 'Image', value: container.imageReference, mono: true },
          { name: 'Models run on', value: describeGpu(container) },
          {
            name: 'Created',
            value: container.createdAtMs === null ? null : formatDateTime(container.createdAtMs),
          },
          {
            name: running ? 'Started' : 'Ended',
            value: since === null ? null : `${formatRelativeTime(since, nowMs)} (${formatDateTime(since)})`,
          },
          ...(running
            ? []
            : [{ name: 'Exit code', value: container.exitCode === null ? null : container.exitCode }]),
          {
            name: 'Gateway',
            value: container.hostPort === null ? 'not published' : `127.0.0.1:${container.hostPort}`,
            mono: true,
          },
          {
            name: 'Memory limit',
            value: container.memoryLimitBytes === null ? 'none' : formatBytes(container.memoryLimitBytes),
          },
          { name: 'CPU limit', value: container.cpuLimit === null ? 'none' : `${container.cpuLimit} cores` },
          { name: 'Process limit', value: container.pidsLimit ?? 'none' },
          ...container.volumes.map((volume) => ({
            name: volume.path,
            value: `volume ${volume.name}`,
            mono: true,
          })),
        ]}
      />
    </section>
  );
}

function describeGpu(container: ContainerFacts): string {
  if (container.gpu.choice === 'none') return 'CPU';
  const devices = container.gpu.devices.length > 0 ? `: ${container.gpu.devices.join(', ')}` : '';
  return `NVIDIA GPU (${container.gpu.mechanism === 'cdi' ? 'CDI' : 'toolkit'}${devices})`;
}

function ImageSection({
  status,
  follower,
}: {
  readonly status: SandboxStatus;
  readonly follower: BuildFollower;
}) {
  const { build, starting, error } = useStore(follower.store);
  const { image } = status;
  const building = build?.status === 'running';
  const succeeded = build?.status === 'succeeded';
  const [logShown, setLogShown] = useState(false);
  return (
    <section className={styles.section} aria-label="Image">
      <div className={styles.sectionHead}>
        <h2 className={styles.sectionTitle}>
          <span className={styles.phase}>
            Image
            {image.state === 'missing' && <Badge tone="warning">Missing</Badge>}
            {image.state === 'present' && !image.current && <Badge tone="warning">Outdated</Badge>}
          </span>
        </h2>
        <div className={styles.actions}>
          {succeeded && <BuildLogButton name="build log" shown={logShown} onShownChange={setLogShown} />}
          {!building && (
            <Button icon={<Hammer size={14} />} busy={starting} onClick={() => void follower.build(false)}>
              {image.state === 'missing' ? 'Build' : 'Build again'}
            </Button>
          )}
        </div>
      </div>
      {image.state === 'present' && (
        <Facts
          facts={[
            { name: 'Name', value: image.reference, mono: true },
            { name: 'Size', value: formatBytes(image.sizeBytes) },
            { name: 'Built', value: image.createdAtMs === null ? null : formatDateTime(image.createdAtMs) },
          ]}
        />
      )}
      {build && !succeeded && <BuildProgress build={build} follower={follower} />}
      {succeeded && logShown && <LoadedBuildLog log={follower.log} />}
      {error && <ErrorBanner error={error} />}
    </section>
  );
}
