import type { ReactNode } from 'react';
import type { SandboxPart, SandboxPhase, SandboxStatus } from '../../../electron/contract';
import { useSandbox } from '../../client/host-state';
import {
  formatBytes,
  formatCount,
  formatDateTime,
  formatDuration,
  formatRelativeTime,
} from '../../lib/format';
import { describePhase, isRunning } from '../../lib/sandbox-phase';
import { useNow } from '../../lib/use-now';
import { Badge, ErrorBanner, Facts, StatusDot, type Tone } from '../../ui';
import { usePaneVisible } from '../../lib/pane-visibility';
import { Section } from './section';
import styles from './sandbox-section.module.css';

const sentences: Record<SandboxPhase, string> = {
  unknown: 'No container engine is connected, so nothing is known about the sandbox.',
  absent: 'There is no sandbox yet.',
  foreign: 'A container that this app did not make has the name of the sandbox.',
  created: 'The sandbox is made and was not started yet.',
  starting: 'The container runs; its services are starting.',
  healthy: 'The container runs and answers its health check.',
  unhealthy: 'The container runs, but does not answer its health check.',
  stopping: 'The container is being stopped.',
  stopped: 'The container is stopped. Workspace and models are kept.',
  failed: 'The container ended by itself.',
};

/** How the sandbox is: phase in plain words, uptime, facts of its container, and the programs it supervises. */
export function SandboxSection() {
  const { value: status } = useSandbox();
  const paneVisible = usePaneVisible();
  const nowMs = useNow(paneVisible ? 1_000 : null);
  if (!status) return null;
  const phase = describePhase(status);
  return (
    <Section title="Sandbox">
      <div className={styles.headline}>
        <StatusDot tone={phase.tone} pulsing={phase.moving} />
        <strong className={styles.phase}>{phase.label}</strong>
        <span className={styles.sentence}>{describe(status, nowMs)}</span>
      </div>
      {status.error && <ErrorBanner error={status.error} />}
      {status.container && <Facts facts={containerFacts(status, nowMs)} />}
      {isRunning(status.phase) && status.parts.length > 0 && <Parts parts={status.parts} />}
    </Section>
  );
}

function describe(status: SandboxStatus, nowMs: number): string {
  const startedAtMs = status.container?.startedAtMs ?? null;
  const { container } = status;
  if (status.operation === null && isRunning(status.phase) && startedAtMs !== null) {
    return `${sentences[status.phase]} Up for ${formatDuration(Math.max(0, nowMs - startedAtMs))}.`;
  }
  if (status.phase === 'failed' && container) {
    if (container.outOfMemory) return 'The container was ended because its memory was used up.';
    if (container.exitCode !== null)
      return `The container ended by itself with exit code ${container.exitCode}.`;
  }
  return sentences[status.phase];
}

function containerFacts(
  status: SandboxStatus,
  nowMs: number,
): { name: string; value: ReactNode; mono?: boolean }[] {
  const { container } = status;
  if (!container) return [];
  const limits = [
    container.memoryLimitBytes === null
      ? 'memory without limit'
      : `${formatBytes(container.memoryLimitBytes)} memory`,
    container.cpuLimit === null ? 'all CPUs' : `${container.cpuLimit} CPUs`,
    container.pidsLimit === null
      ? 'processes without limit'
      : `${formatCount(container.pidsLimit)} processes`,
  ];
  const gpu =
    container.gpu.choice === 'none'
      ? 'none, by choice'
      : `${container.gpu.devices.join(', ') || 'all'} (${container.gpu.mechanism === 'cdi' ? 'through CDI' : 'through --gpus'})`;
  return [
    { name: 'Container', value: `${container.name} (${container.id.slice(0, 12)})`, mono: true },
    {
      name: 'Created',
      value: (
        <span title={formatDateTime(container.createdAtMs)}>
          {formatRelativeTime(container.createdAtMs, nowMs)}
        </span>
      ),
    },
    { name: 'GPU', value: gpu },
    { name: 'Limits', value: limits.join(', ') },
    {
      name: 'Gateway',
      value: container.hostPort === null ? null : `127.0.0.1:${container.hostPort}`,
      mono: true,
    },
    {
      name: 'Volumes',
      value: container.volumes.map((volume) => `${volume.name} → ${volume.path}`).join(', ') || 'none',
      mono: true,
    },
    ...(container.outdated.length > 0
      ? [{ name: 'Recreating', value: `would change: ${container.outdated.join('; ')}` }]
      : []),
  ];
}

const partNames: Record<SandboxPart['name'], string> = {
  gateway: 'Gateway',
  ollama: 'Ollama',
  'llama-cpp': 'llama.cpp server',
};

const partStates: Record<SandboxPart['state'], { readonly label: string; readonly tone: Tone }> = {
  unknown: { label: 'Unknown', tone: 'neutral' },
  disabled: { label: 'Disabled', tone: 'neutral' },
  starting: { label: 'Starting', tone: 'info' },
  ready: { label: 'Ready', tone: 'ok' },
  'backing-off': { label: 'Waiting to restart', tone: 'warning' },
  crashed: { label: 'Crashed', tone: 'danger' },
};

function Parts({ parts }: { readonly parts: readonly SandboxPart[] }) {
  return (
    <table className={styles.parts}>
      <thead>
        <tr>
          <th scope="col">Service</th>
          <th scope="col">State</th>
          <th scope="col" className={styles.count}>
            Restarts
          </th>
          <th scope="col">Last error</th>
        </tr>
      </thead>
      <tbody>
        {parts.map((part) => (
          <tr key={part.name}>
            <th scope="row">{partNames[part.name]}</th>
            <td>
              <Badge tone={partStates[part.state].tone}>{partStates[part.state].label}</Badge>
            </td>
            <td className={styles.count}>{formatCount(part.restarts)}</td>
            <td className={styles.lastError} title={part.lastError ?? undefined}>
              {part.lastError ?? <span className={styles.none}>none</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
