import { Eye, RotateCw } from 'lucide-react';
import { useState } from 'react';
import { useStore } from 'zustand';
import { type LocalApiState, type LocalApiStatus } from '../../../electron/contract';
import type { HostClient } from '../../../electron/rpc/client-types';
import { useHost } from '../../client/host-context';
import { createMirror, type MirrorStore } from '../../client/mirror';
import { useAttempt } from '../../client/use-attempt';
import { useMirror } from '../../client/use-mirror';
import { formatCount } from '../../lib/format';
import {
  Badge,
  Banner,
  Button,
  CopyableCommand,
  ErrorBanner,
  Facts,
  ProgressBar,
  Switch,
  type Tone,
} from '../../ui';
import { CopyablePath } from './copyable-path';
import styles from './setup.module.css';

const mirrorOfApi = (host: HostClient) =>
  createMirror(host, () => host.call('localApi.status', null), 'localApi.changed');

/** The HTTP API of the embedded sandbox: switched here, with its address and its token. */
export function ApiSection() {
  const mirror = useMirror(mirrorOfApi);
  return mirror && <Api mirror={mirror} />;
}

const labels: Record<LocalApiState, { readonly label: string; readonly tone: Tone }> = {
  off: { label: 'Off', tone: 'neutral' },
  waiting: { label: 'Waits for the sandbox', tone: 'neutral' },
  preparing: { label: 'Being prepared', tone: 'info' },
  starting: { label: 'Starting', tone: 'info' },
  running: { label: 'Running', tone: 'ok' },
  stopping: { label: 'Stopping', tone: 'info' },
  failed: { label: 'Failed', tone: 'danger' },
};

function Api({ mirror }: { readonly mirror: MirrorStore<LocalApiStatus> }) {
  const host = useHost();
  const { value: status, error: hostError } = useStore(mirror.store);
  const { failure, attempt } = useAttempt();
  if (!status) return hostError && <ErrorBanner error={hostError} />;

  const missing = status.state === 'failed' && status.error?.code === 'unsupported';
  const { label, tone } = missing
    ? { label: 'Not available', tone: 'warning' as const }
    : labels[status.state];
  return (
    <section className={styles.section} aria-label="HTTP API">
      <Switch
        label="HTTP API"
        description="Off: nothing listens. On: programs of this computer that have the token can run commands in the sandbox, reach its workspace and ask its models. It needs Python 3.11 or newer; when it is switched on for the first time, pip fetches its packages."
        checked={status.state !== 'off'}
        onCheckedChange={(enabled) => void attempt(() => host.call('localApi.setEnabled', { enabled }))}
      />
      {status.state !== 'off' && (
        <span className={styles.phase}>
          <Badge tone={tone}>{label}</Badge>
        </span>
      )}
      {status.progress && (
        <ProgressBar
          label={status.progress.step}
          value={status.progress.total === null ? null : status.progress.completed / status.progress.total}
          valueText={
            status.progress.total === null
              ? undefined
              : `${formatCount(status.progress.completed)} of ${formatCount(status.progress.total)} packages`
          }
          showTexts
        />
      )}
      {failure && <ErrorBanner error={failure} />}
      {!failure && status.error && <ErrorBanner error={status.error} />}
      {status.state === 'failed' && (
        <div className={styles.actions}>
          <Button
            icon={<RotateCw size={14} />}
            onClick={() => void attempt(() => host.call('localApi.retry', null))}
          >
            Try again
          </Button>
        </div>
      )}
      {status.isolation === 'none' && (
        <Banner tone="warning" title="Its commands are not isolated">
          Whoever has the token can do on this computer what you can do.
        </Banner>
      )}
      {status.address !== null && <Access address={status.address} tokenFile={status.tokenFile} />}
    </section>
  );
}

function Access({ address, tokenFile }: { readonly address: string; readonly tokenFile: string }) {
  const host = useHost();
  const [token, setToken] = useState<string | null>(null);
  const { failure, attempt } = useAttempt();
  const show = () => attempt(async () => setToken((await host.call('localApi.token', null)).token));
  return (
    <>
      {failure && <ErrorBanner error={failure} />}
      <Facts
        facts={[
          { name: 'Address', value: <CopyablePath text={address} label="Copy address" />, mono: true },
          {
            name: 'Token',
            value:
              token === null ? (
                <Button size="small" icon={<Eye size={13} />} onClick={() => void show()}>
                  Show the token
                </Button>
              ) : (
                <CopyablePath text={token} label="Copy token" />
              ),
            mono: true,
          },
          { name: 'Kept in', value: <CopyablePath text={tokenFile} label="Copy path" />, mono: true },
        ]}
      />
      <p className={styles.hint}>To try it, in a terminal of this computer:</p>
      <CopyableCommand
        command={`curl -H "Authorization: Bearer $(cat '${tokenFile}')" -H 'Content-Type: application/json' -d '{"cmd":"uname -a"}' ${address}/run-bash/`}
      />
      <p className={styles.hint}>All routes are described at {address}/docs.</p>
    </>
  );
}
