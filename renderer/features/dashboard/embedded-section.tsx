import { ScrollText } from 'lucide-react';
import type { EmbeddedState, EmbeddedStatus } from '../../../electron/contract';
import { useEmbedded } from '../../client/host-state';
import { describeEmbedded } from '../../lib/embedded-state';
import { formatBytes, formatCount, formatDuration } from '../../lib/format';
import { usePaneVisible } from '../../lib/pane-visibility';
import { useNow } from '../../lib/use-now';
import { EmptyState, ErrorBanner, Facts, StatusDot } from '../../ui';
import { Section } from './section';
import styles from './sandbox-section.module.css';

const sentences: Record<EmbeddedState, string> = {
  off: 'The embedded sandbox is stopped. Home and workspace are kept.',
  checking: 'Bubblewrap is looked for and tried.',
  'needs-consent': 'Nothing isolates it here. It waits for your answer in the sandbox view.',
  ready: 'Shells can be opened.',
  stopping: 'What runs in it is being ended.',
  failed: 'The embedded sandbox could not be started.',
};

/** How the embedded sandbox is, and what holds it. */
export function EmbeddedSection() {
  const { value: status } = useEmbedded();
  const paneVisible = usePaneVisible();
  const nowMs = useNow(paneVisible ? 1_000 : null);
  if (!status) return null;
  const phase = describeEmbedded(status);
  const uptime =
    status.state === 'ready' && status.startedAtMs !== null
      ? ` Up for ${formatDuration(Math.max(0, nowMs - status.startedAtMs))}.`
      : '';
  return (
    <Section title="Sandbox">
      <div className={styles.headline}>
        <StatusDot tone={phase.tone} pulsing={phase.moving} />
        <strong className={styles.phase}>{phase.label}</strong>
        <span className={styles.sentence}>
          {sentences[status.state]}
          {uptime}
        </span>
      </div>
      {status.error && <ErrorBanner error={status.error} />}
      <Facts facts={embeddedFacts(status)} />
    </Section>
  );
}

function embeddedFacts(status: EmbeddedStatus) {
  const { isolation, limits } = status;
  const held = (limit: { readonly wanted: number | null; readonly heldBy: string | null }, text: string) =>
    limit.wanted === null ? null : `${text}${limit.heldBy === null ? ' (not held)' : ''}`;
  const isolationText = {
    unknown: 'not tried yet',
    bubblewrap: isolation.kind === 'bubblewrap' ? `bubblewrap ${isolation.version}` : '',
    none: 'none',
  }[isolation.kind];
  return [
    { name: 'Place', value: 'embedded, on this computer' },
    { name: 'Isolation', value: isolationText },
    { name: 'Network', value: isolation.kind === 'none' ? "the computer's" : status.network ? 'on' : 'off' },
    { name: 'GPU', value: 'not given to programs inside; the values above are of this computer' },
    {
      name: 'Limits',
      value:
        limits === null
          ? null
          : [
              held(limits.processes, `${formatCount(limits.processes.wanted)} processes in each terminal`),
              held(limits.memoryBytes, `${formatBytes(limits.memoryBytes.wanted ?? 0)} memory`),
              held(limits.cpus, `${String(limits.cpus.wanted)} CPUs`),
            ]
              .filter((part) => part !== null)
              .join(', ') || 'none',
    },
    { name: 'Running', value: `${formatCount(status.running)} terminals and commands` },
    { name: 'Workspace', value: status.workspace.folder, mono: true },
    { name: 'Image', value: 'none: programs are those of this computer' },
  ];
}

/** In place of the log, which only a container has. */
export function NoLog() {
  return (
    <EmptyState
      icon={<ScrollText size={28} />}
      title="The embedded sandbox has no log"
      description="A container's services write one; here nothing runs but what you start, and it writes to its terminal."
    />
  );
}
