import { RotateCw, Search, ShieldOff } from 'lucide-react';
import type { ReactNode } from 'react';
import type { EmbeddedStatus } from '../../../electron/contract';
import { allowedEmbedded } from '../../lib/embedded-state';
import { formatDateTime, formatRelativeTime } from '../../lib/format';
import { useNow } from '../../lib/use-now';
import { Banner, Button, CopyableCommand, Facts } from '../../ui';
import { useEmbeddedActions, useEmbeddedActionState } from './embedded-actions';
import styles from './setup.module.css';

/** Says plainly that nothing isolates, why, and what would change that. */
export function IsolationBanner({
  status,
  onConsent,
  onRestart,
}: {
  readonly status: EmbeddedStatus;
  readonly onConsent: () => void;
  /** Where it runs already, only a start anew finds out whether it can be isolated now. */
  readonly onRestart: () => void;
}) {
  const actions = useEmbeddedActions();
  const { pending } = useEmbeddedActionState();
  if (status.isolation.kind !== 'none') return null;
  const { reason } = status.isolation;
  const asks = status.state === 'needs-consent';
  return (
    <Banner
      tone="warning"
      title="Not isolated"
      actions={
        asks ? (
          <>
            <Button
              variant="primary"
              size="small"
              icon={<Search size={13} />}
              busy={pending === 'start'}
              onClick={() => void actions.start()}
            >
              Check again
            </Button>
            <Button
              size="small"
              icon={<ShieldOff size={13} />}
              busy={pending === 'consent'}
              onClick={onConsent}
            >
              Go on without isolation…
            </Button>
          </>
        ) : (
          <Button
            size="small"
            icon={<RotateCw size={13} />}
            busy={pending === 'restart'}
            disabled={!allowedEmbedded(status.state).has('restart') && pending !== 'restart'}
            onClick={onRestart}
          >
            Restart and check again
          </Button>
        )
      }
    >
      <p>
        {reason.message}{' '}
        {asks
          ? 'Without it a shell here is a shell on your computer: programs in it can read, change and delete what you can.'
          : 'Programs here can read, change and delete what you can.'}
      </p>
      {reason.repair && <p>{reason.repair.text}</p>}
      {reason.repair?.command && <CopyableCommand command={reason.repair.command} />}
    </Banner>
  );
}

/** What is out of reach and what is not: no more than the escape tests show. */
export function IsolationSection({ status }: { readonly status: EmbeddedStatus }) {
  const nowMs = useNow(30_000);
  const { isolation, network, startedAtMs } = status;
  const known = isolation.kind === 'bubblewrap' ? isolation : null;
  return (
    <section className={styles.section} aria-label="Isolation">
      <h2 className={styles.sectionTitle}>Isolation</h2>
      <div className={styles.columns}>
        <PromiseList title="Out of reach for programs inside">
          <li>Your files. They see a home and a workspace of their own, and the system read-only.</li>
          <li>Your other programs: neither seen nor reached.</li>
          {!network && <li>The network, and what listens on this computer.</li>}
          <li>The rights of root, even through programs that would give them.</li>
        </PromiseList>
        <PromiseList title="Within reach">
          {network && (
            <li>The network, and what listens on this computer, such as databases and the desktop.</li>
          )}
          <li>Linux itself, as in a container: a fault in it could be a way out.</li>
          <li>What is installed on this computer, to read and to run.</li>
          <li>Files of the other terminals, but not their processes and ports.</li>
          {known && !known.systemCallFilter && (
            <li>
              Keys in the keyring of your session: there is no filter of system calls for this processor.
            </li>
          )}
        </PromiseList>
      </div>
      {known && (
        <Facts
          facts={[
            { name: 'Isolation', value: `bubblewrap ${known.version}` },
            {
              name: 'Runs as',
              value:
                known.user === 'own'
                  ? 'a user that exists inside only'
                  : 'nobody, because this app runs as root',
            },
            { name: 'System calls', value: known.systemCallFilter ? 'filtered' : 'not filtered' },
            ...(startedAtMs === null
              ? []
              : [
                  {
                    name: 'Started',
                    value: `${formatRelativeTime(startedAtMs, nowMs)} (${formatDateTime(startedAtMs)})`,
                  },
                ]),
          ]}
        />
      )}
    </section>
  );
}

function PromiseList({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div>
      <h3 className={styles.listTitle}>{title}</h3>
      <ul className={styles.reasons}>{children}</ul>
    </div>
  );
}
