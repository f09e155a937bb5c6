import { useEffect, useState } from 'react';
import { useHost } from '../../client/host-context';
import { useEngine, usePlace, useSandbox } from '../../client/host-state';
import { createBuildFollower, type BuildFollower } from './build-follower';
import { EmbeddedView } from './embedded-view';
import { FirstRun } from './first-run';
import { SandboxOverview } from './sandbox-overview';
import styles from './setup.module.css';

export interface SetupViewProps {
  /** Given when the view leads a person through the first run; it then keeps to the steps to the end. */
  readonly onFinished?: () => void;
}

/** The way to a running sandbox, and its management once there is one, wherever the person works. */
export function SetupView({ onFinished }: SetupViewProps) {
  const place = usePlace();
  if (place === 'container') return <ContainerView onFinished={onFinished} />;
  return (
    <div className={styles.view}>
      <EmbeddedView onFinished={onFinished} />
    </div>
  );
}

function ContainerView({ onFinished }: SetupViewProps) {
  const host = useHost();
  const [follower, setFollower] = useState<BuildFollower | null>(null);
  useEffect(() => {
    const created = createBuildFollower(host);
    setFollower(created);
    return () => created.dispose();
  }, [host]);

  const engine = useEngine().value;
  const status = useSandbox().value;
  const gpu = engine?.state === 'connected' ? engine.facts.gpu : null;
  const managed =
    !onFinished && engine?.state === 'connected' && status && status.phase !== 'foreign'
      ? status.container
      : null;

  return (
    <div className={styles.view}>
      {follower &&
        (managed && status ? (
          <SandboxOverview status={status} container={managed} gpu={gpu} follower={follower} />
        ) : (
          <FirstRun follower={follower} onFinished={onFinished} />
        ))}
    </div>
  );
}
