import { Link2, LogOut } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { type DoorLink, type DoorSession, type DoorState } from '../../../electron/contract';
import type { HostClient } from '../../../electron/rpc/client-types';
import { useHost } from '../../client/host-context';
import { createMirror, type MirrorStore } from '../../client/mirror';
import { useAttempt } from '../../client/use-attempt';
import { useMirror } from '../../client/use-mirror';
import { formatDateTime, formatDuration, formatRelativeTime } from '../../lib/format';
import { useNow } from '../../lib/use-now';
import { Badge, Button, CopyableCommand, ErrorBanner, Spinner, Switch } from '../../ui';
import { describeAgent } from './describe-agent';
import styles from './browser-access.module.css';

const mirrorOfDoor = (host: HostClient) =>
  createMirror(host, () => host.call('door.status', null), 'door.changed');

/** The door by which browsers come in: opened here, and who is signed in by it. What is done here acts at once. */
export function BrowserAccess() {
  const mirror = useMirror(mirrorOfDoor);
  return mirror ? <Door mirror={mirror} /> : null;
}

function Door({ mirror }: { readonly mirror: MirrorStore<DoorState> }) {
  const host = useHost();
  const { value: door, error } = useStore(mirror.store);
  const [switching, setSwitching] = useState(false);
  const { failure, attempt } = useAttempt();
  const own = useOwnSession();
  if (!door) return error ? <ErrorBanner error={error} /> : <Spinner label="Asking the host" />;

  const setOpen = async (open: boolean) => {
    setSwitching(true);
    await attempt(() => host.call('door.setOpen', { open }));
    setSwitching(false);
  };
  const shown = failure ?? door.error;

  return (
    <div className={styles.section}>
      {door.switchable ? (
        <Switch
          label="Let browsers in"
          description="The app shows itself to browsers, too, on this computer and through ssh tunnels. While this is on, the sandbox host goes on when the window is closed."
          checked={door.state !== 'closed'}
          disabled={switching || door.state === 'opening'}
          onCheckedChange={(open) => void setOpen(open)}
        />
      ) : (
        <p className={styles.hint}>
          This host serves browsers for as long as it runs. End it on the computer where it was started.
        </p>
      )}
      {shown && <ErrorBanner error={shown} />}
      {door.state === 'open' && <NewLink tunnelCommand={door.tunnelCommand} />}
      <section aria-label="Browsers that are signed in" className={styles.part}>
        <h3 className={styles.title}>Browsers that are signed in</h3>
        {door.sessions.length === 0 ? (
          <p className={styles.hint}>None.</p>
        ) : (
          <ul className={styles.sessions}>
            {door.sessions.map((session) => (
              <SessionRow
                key={session.id}
                session={session}
                own={session.id === own}
                onRevoke={() => void attempt(() => host.call('door.revoke', { sessionId: session.id }))}
              />
            ))}
          </ul>
        )}
      </section>
    </div>
  );
}

/** The session of this very page; null in the desktop's window. */
function useOwnSession(): string | null {
  const host = useHost();
  const [own, setOwn] = useState<string | null>(null);
  useEffect(() => {
    let gone = false;
    host.call('door.own', null).then(
      ({ sessionId }) => {
        if (!gone) setOwn(sessionId);
      },
      // It is a mark beside one row, and the connection banner tells of the loss.
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, [host]);
  return own;
}

function NewLink({ tunnelCommand }: { readonly tunnelCommand: string | null }) {
  const host = useHost();
  const [link, setLink] = useState<DoorLink | null>(null);
  const { failure, attempt } = useAttempt();
  const nowMs = useNow(link ? 1_000 : null);
  const leftMs = link ? link.expiresAtMs - nowMs : 0;

  const create = () => attempt(async () => setLink(await host.call('door.createLink', null)));
  return (
    <section aria-label="One-time link" className={styles.part}>
      <div className={styles.row}>
        <p className={styles.hint}>A one-time link signs in one browser.</p>
        <Button icon={<Link2 size={14} />} onClick={() => void create()}>
          New one-time link
        </Button>
      </div>
      {failure && <ErrorBanner error={failure} />}
      {link && leftMs > 0 && (
        <>
          <CopyableCommand command={link.url} />
          <p className={styles.hint}>
            Works once, for another {formatDuration(leftMs)}. Give it to nobody else: whoever opens it can do
            all that you can do here.
          </p>
        </>
      )}
      {link && leftMs <= 0 && <p className={styles.hint}>That link is too old now.</p>}
      {tunnelCommand && (
        <>
          <p className={styles.hint}>From another computer, run this there first and leave it running:</p>
          <CopyableCommand command={tunnelCommand} />
        </>
      )}
    </section>
  );
}

function SessionRow({
  session,
  own,
  onRevoke,
}: {
  readonly session: DoorSession;
  readonly own: boolean;
  readonly onRevoke: () => void;
}) {
  const nowMs = useNow(30_000);
  const name = describeAgent(session.agent);
  return (
    <li className={styles.session}>
      <div className={styles.facts}>
        <span className={styles.name} title={session.agent}>
          {name}
          {own && <Badge tone="info">this browser</Badge>}
        </span>
        <span className={styles.hint} title={formatDateTime(session.lastSeenAtMs)}>
          {session.connectedPages > 0
            ? 'connected now'
            : `last seen ${formatRelativeTime(session.lastSeenAtMs, nowMs)}`}
          {` from ${session.address} · signed in ${formatDateTime(session.createdAtMs)}`}
        </span>
      </div>
      <Button
        size="small"
        variant="ghost"
        icon={<LogOut size={13} />}
        aria-label={own ? 'Sign this browser out' : `Sign out ${name}`}
        onClick={onRevoke}
      >
        Sign out
      </Button>
    </li>
  );
}
