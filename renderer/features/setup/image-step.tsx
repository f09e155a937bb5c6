import { Hammer } from 'lucide-react';
import { useState } from 'react';
import { useStore } from 'zustand';
import type { ImageFacts } from '../../../electron/contract';
import { formatBytes, formatDateTime } from '../../lib/format';
import { Badge, Banner, Button, ErrorBanner, Spinner } from '../../ui';
import type { BuildFollower } from './build-follower';
import { BuildLogButton, LoadedBuildLog } from './build-log-disclosure';
import { BuildProgress } from './build-progress';
import type { SetupStepState } from './setup-progress';
import { StepCard } from './step-card';
import styles from './setup.module.css';

export interface ImageStepProps {
  readonly state: SetupStepState;
  readonly image: ImageFacts | null;
  readonly follower: BuildFollower;
}

export function ImageStep({ state, image, follower }: ImageStepProps) {
  const { build, starting } = useStore(follower.store);
  const building = build?.status === 'running';
  const outdated = image?.state === 'present' && !image.current;
  const succeeded = build?.status === 'succeeded';
  const [logShown, setLogShown] = useState(false);
  const summary = () => {
    if (building) return `Building ${build.reference}…`;
    if (image?.state === 'present') return `${image.reference} · ${formatBytes(image.sizeBytes)}`;
    if (image?.state === 'missing') return `${image.reference} is not built yet`;
    return undefined;
  };
  return (
    <StepCard
      number={2}
      title="Sandbox image"
      state={state}
      summary={summary()}
      aside={
        <>
          {outdated && !building && <Badge tone="warning">Outdated</Badge>}
          {succeeded && <BuildLogButton name="build log" shown={logShown} onShownChange={setLogShown} />}
        </>
      }
    >
      {state !== 'waiting' && <ImageStepBody {...{ image, follower, building, starting }} />}
      {succeeded && logShown && <LoadedBuildLog log={follower.log} />}
    </StepCard>
  );
}

function ImageStepBody({
  image,
  follower,
  building,
  starting,
}: {
  readonly image: ImageFacts | null;
  readonly follower: BuildFollower;
  readonly building: boolean;
  readonly starting: boolean;
}) {
  const { build, error } = useStore(follower.store);
  const missing = image?.state === 'missing';
  const outdated = image?.state === 'present' && !image.current;
  const failed = build?.status === 'failed' || build?.status === 'cancelled';
  const start = () => void follower.build(false);
  const buildButton = (label: string) => (
    <Button
      variant={missing ? 'primary' : 'secondary'}
      icon={<Hammer size={14} />}
      busy={starting}
      onClick={start}
    >
      {label}
    </Button>
  );
  return (
    <>
      {(image === null || image.state === 'unknown') && !building && (
        <p className={styles.waiting}>
          <Spinner /> Asking the engine for the image…
        </p>
      )}
      {missing && !building && !failed && (
        <p>
          The image holds a Linux workspace, llama.cpp and Ollama. It is built once, on this engine; the first
          build downloads its parts and takes several minutes.
        </p>
      )}
      {outdated && !building && (
        <Banner tone="warning" title="The image was built from another version of this app.">
          <p>It still works as it is. Building again takes what has changed; your files and models stay.</p>
          {image.createdAtMs !== null && <p>Built {formatDateTime(image.createdAtMs)}</p>}
        </Banner>
      )}
      {build && (building || failed) && <BuildProgress build={build} follower={follower} />}
      {error && <ErrorBanner error={error} />}
      {!building && missing && (
        <div className={styles.actions}>
          {buildButton(failed ? 'Build again' : 'Build image')}
          {failed && (
            <Button variant="ghost" onClick={() => void follower.build(true)}>
              Build without cache
            </Button>
          )}
        </div>
      )}
      {!building && outdated && <div className={styles.actions}>{buildButton('Build the new image')}</div>}
    </>
  );
}
