import { ArrowRight, Box, Play, RotateCw, Square } from 'lucide-react';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { EmbeddedLimit, EmbeddedStatus } from '../../../electron/contract';
import { useEmbedded } from '../../client/host-state';
import { allowedEmbedded, describeEmbedded } from '../../lib/embedded-state';
import { formatBytes, formatCount } from '../../lib/format';
import { useFocusAfter } from '../../lib/use-focus-after';
import { Badge, Button, ConfirmDialog, ErrorBanner, Facts, Spinner, StatusDot, Switch } from '../../ui';
import { ConsentDialog } from './consent-dialog';
import { CopyablePath } from './copyable-path';
import { useEmbeddedActions, useEmbeddedActionState } from './embedded-actions';
import { ApiSection } from './embedded-api';
import { IsolationBanner, IsolationSection } from './embedded-isolation';
import styles from './setup.module.css';

export interface EmbeddedViewProps {
  /** Leads on to the panes, where the view fills the window. */
  readonly onFinished?: () => void;
}

type Question = 'consent' | 'network' | 'stop' | 'restart' | 'leave';

/** The embedded sandbox: how it is, what it keeps in and what not, and the way back to a container. */
export function EmbeddedView({ onFinished }: EmbeddedViewProps) {
  const { value: status, error: hostError } = useEmbedded();
  const actions = useEmbeddedActions();
  const { pending, error } = useEmbeddedActionState();
  const [asking, setAsking] = useState<Question | null>(null);
  if (!status) {
    return (
      <div className={styles.page}>
        {hostError ? <ErrorBanner error={hostError} /> : <Spinner label="Asking the host" />}
      </div>
    );
  }
  const wanted = !status.network;
  /** Asks first where something would be ended. */
  const endingFirst = (question: Question, act: () => Promise<void>) => {
    if (status.running > 0) setAsking(question);
    else void act();
  };
  const setNetwork = () => actions.setNetwork(wanted);
  const questions: Record<
    Exclude<Question, 'consent'>,
    { title: string; verb: string; act: () => Promise<void> }
  > = {
    network: {
      title: wanted ? 'Switch the network on?' : 'Switch the network off?',
      verb: wanted ? 'Switch on' : 'Switch off',
      act: setNetwork,
    },
    stop: { title: 'Stop the embedded sandbox?', verb: 'Stop', act: actions.stop },
    restart: { title: 'Restart the embedded sandbox?', verb: 'Restart', act: actions.restart },
    leave: { title: 'Change to a container?', verb: 'Change', act: actions.leave },
  };

  return (
    <div className={styles.page}>
      {onFinished && (
        <header className={styles.header}>
          <h1 className={styles.heading}>The embedded sandbox</h1>
          {status.state !== 'ready' && (
            <Button variant="ghost" className={styles.skip} onClick={onFinished}>
              Skip for now
            </Button>
          )}
          <p className={styles.lead}>A shell on this computer that needs no engine and downloads nothing.</p>
        </header>
      )}
      <section className={styles.section} aria-label="State">
        <StateHead
          status={status}
          onStop={() => endingFirst('stop', actions.stop)}
          onRestart={() => endingFirst('restart', actions.restart)}
          leadsOn={onFinished !== undefined}
        />
        {error && <ErrorBanner error={error} onDismiss={actions.dismissError} />}
        {!error && status.error && <ErrorBanner error={status.error} />}
        <IsolationBanner
          status={status}
          onConsent={() => setAsking('consent')}
          onRestart={() => endingFirst('restart', actions.restart)}
        />
        {status.state === 'ready' && onFinished && <Finished onFinished={onFinished} />}
      </section>

      {status.isolation.kind !== 'none' && (
        <>
          <section className={styles.section} aria-label="Network">
            <Switch
              label="Network"
              description="Off: programs reach nothing, not even services of this computer. On: they use the computer's own network, and reach its services too. Switching starts the sandbox anew."
              checked={status.network}
              disabled={pending !== null || !allowedEmbedded(status.state).has('network')}
              onCheckedChange={() => endingFirst('network', setNetwork)}
            />
          </section>
          {status.isolation.kind === 'bubblewrap' && <IsolationSection status={status} />}
        </>
      )}

      <ApiSection />
      <FilesSection status={status} />
      {status.limits && <LimitsSection limits={status.limits} />}

      <section className={styles.section} aria-label="Not available">
        <h2 className={styles.sectionTitle}>Only in a container</h2>
        <ul className={styles.reasons}>
          <li>An image: here programs are those that are installed on this computer.</li>
          <li>The GPU for programs in the shell.</li>
          <li>Ollama, and a log of the sandbox.</li>
        </ul>
        <div className={styles.actions}>
          <Button
            icon={<Box size={14} />}
            busy={pending === 'place'}
            onClick={() => endingFirst('leave', actions.leave)}
          >
            Use a container instead
          </Button>
          <span className={styles.hint}>Home and workspace of the embedded sandbox are kept.</span>
        </div>
      </section>

      {asking === 'consent' && status.isolation.kind === 'none' && (
        <ConsentDialog
          onClose={() => setAsking(null)}
          onConsent={(remember) => void actions.consent(remember)}
        />
      )}
      {asking !== null && asking !== 'consent' && (
        <ConfirmDialog
          open
          onOpenChange={() => setAsking(null)}
          title={questions[asking].title}
          description={`${endsWhat(status.running)} Files in home and workspace are kept.`}
          confirmLabel={questions[asking].verb}
          onConfirm={() => void questions[asking].act()}
        />
      )}
    </div>
  );
}

/** What was pressed to come here is gone; the way on takes its focus. */
function Finished({ onFinished }: { readonly onFinished: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (document.activeElement === document.body) button.current?.focus();
  }, []);
  return (
    <div className={styles.actions}>
      <Button ref={button} variant="primary" icon={<ArrowRight size={14} />} onClick={onFinished}>
        Open the workspace
      </Button>
    </div>
  );
}

function endsWhat(running: number): string {
  return running === 1
    ? 'The terminal or command that runs in it is ended.'
    : `The ${running} terminals and commands that run in it are ended.`;
}

function StateHead({
  status,
  onStop,
  onRestart,
  leadsOn,
}: {
  readonly status: EmbeddedStatus;
  readonly onStop: () => void;
  readonly onRestart: () => void;
  /** The way on takes the focus once it runs. */
  readonly leadsOn: boolean;
}) {
  const actions = useEmbeddedActions();
  const { pending } = useEmbeddedActionState();
  const phase = describeEmbedded(status);
  const allowed = allowedEmbedded(status.state);
  const running = status.state === 'ready' || status.state === 'stopping';
  const restart = useRef<HTMLButtonElement>(null);
  const start = useRef<HTMLButtonElement>(null);
  useFocusAfter(running && !leadsOn, restart);
  useFocusAfter(!running, start);
  return (
    <div className={styles.sectionHead}>
      <h2 className={styles.sectionTitle}>
        <span className={styles.phase}>
          <StatusDot tone={phase.tone} pulsing={phase.moving} />
          Embedded sandbox
          <Badge tone={phase.tone}>{phase.label}</Badge>
        </span>
      </h2>
      <div className={styles.actions}>
        {running ? (
          <>
            <Button
              ref={restart}
              icon={<RotateCw size={14} />}
              busy={pending === 'restart'}
              disabled={!allowed.has('restart') && pending !== 'restart'}
              onClick={onRestart}
            >
              Restart
            </Button>
            <Button
              icon={<Square size={14} />}
              busy={pending === 'stop'}
              disabled={!allowed.has('stop') && pending !== 'stop'}
              onClick={onStop}
            >
              Stop
            </Button>
          </>
        ) : (
          status.state !== 'needs-consent' && (
            <Button
              ref={start}
              variant="primary"
              icon={<Play size={14} />}
              busy={pending === 'start' || status.state === 'checking'}
              disabled={!allowed.has('start') && pending !== 'start' && status.state !== 'checking'}
              onClick={() => void actions.start()}
            >
              Start
            </Button>
          )
        )}
      </div>
    </div>
  );
}

function FilesSection({ status }: { readonly status: EmbeddedStatus }) {
  const isolated = status.isolation.kind !== 'none';
  const folder = (each: { readonly folder: string }) => <CopyablePath text={each.folder} label="Copy path" />;
  return (
    <section className={styles.section} aria-label="Files">
      <h2 className={styles.sectionTitle}>Files</h2>
      <p className={styles.prose}>
        Two folders of this computer. What you put there with your own programs is there for programs inside
        too.
      </p>
      <Facts
        facts={[
          {
            name: isolated ? status.workspace.inside : 'Workspace',
            value: folder(status.workspace),
            mono: true,
          },
          { name: isolated ? status.home.inside : 'Home', value: folder(status.home), mono: true },
        ]}
      />
    </section>
  );
}

function LimitsSection({ limits }: { readonly limits: NonNullable<EmbeddedStatus['limits']> }) {
  return (
    <section className={styles.section} aria-label="Limits">
      <h2 className={styles.sectionTitle}>Limits</h2>
      <Facts
        facts={[
          { name: 'Processes', value: describeLimit(limits.processes, formatCount, 'in each terminal') },
          { name: 'Open files', value: describeLimit(limits.openFiles, formatCount, 'in each process') },
          { name: 'Memory', value: describeLimit(limits.memoryBytes, formatBytes, 'together') },
          { name: 'CPU', value: describeLimit(limits.cpus, (cores) => `${cores} cores`, 'together') },
        ]}
      />
      <p className={styles.hint}>Processes, memory and CPU are set in the settings of the sandbox.</p>
    </section>
  );
}

function describeLimit(limit: EmbeddedLimit, write: (value: number) => string, of: string): ReactNode {
  if (limit.wanted === null) return 'none';
  if (limit.heldBy !== null) return `${write(limit.wanted)} ${of}`;
  return (
    <>
      {write(limit.wanted)} <Badge tone="warning">Not held</Badge> {limit.problem}
    </>
  );
}
