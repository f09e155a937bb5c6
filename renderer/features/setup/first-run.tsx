import { ArrowRight } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { useStore } from 'zustand';
import { useEngine, useSandbox, useSettings } from '../../client/host-state';
import { Banner, Button, ErrorBanner } from '../../ui';
import type { BuildFollower } from './build-follower';
import { ContainerStep } from './container-step';
import { EmbeddedOffer } from './embedded-offer';
import { EngineStep } from './engine-step';
import { ImageStep } from './image-step';
import { setupProgress } from './setup-progress';
import styles from './setup.module.css';

export interface FirstRunProps {
  readonly follower: BuildFollower;
  /** Leads on to the panes; also offered before everything runs. */
  readonly onFinished?: () => void;
}

/** From nothing to a running sandbox, each step showing what the host says right now. */
export function FirstRun({ follower, onFinished }: FirstRunProps) {
  const engine = useEngine();
  const sandbox = useSandbox();
  const settings = useSettings();
  const build = useStore(follower.store, (state) => state.build);
  const { steps, finished } = setupProgress(engine.value, sandbox.value, build);
  const gpu = engine.value?.state === 'connected' ? engine.value.facts.gpu : null;

  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1 className={styles.heading}>Set up the sandbox</h1>
        {onFinished && !finished && (
          <Button variant="ghost" className={styles.skip} onClick={onFinished}>
            Skip for now
          </Button>
        )}
        <p className={styles.lead}>
          A container with a shell and local language models, on this computer. Nothing runs until you say so.
        </p>
      </header>
      <ol className={styles.steps}>
        <EngineStep state={steps.engine} engine={engine.value} error={engine.error} />
        <ImageStep state={steps.image} image={sandbox.value?.image ?? null} follower={follower} />
        <ContainerStep
          state={steps.container}
          sandbox={sandbox.value}
          gpu={gpu}
          settings={settings.value?.settings ?? null}
        />
      </ol>
      {sandbox.status === 'failed' && sandbox.error && steps.engine === 'done' && (
        <ErrorBanner error={sandbox.error} />
      )}
      {!finished && <EmbeddedOffer prominent={engine.value?.state === 'unavailable'} />}
      {finished && onFinished && <Finished onFinished={onFinished} />}
    </div>
  );
}

function Finished({ onFinished }: { readonly onFinished: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  return (
    <Banner
      tone="ok"
      title="The sandbox is running."
      actions={
        <Button ref={button} variant="primary" icon={<ArrowRight size={14} />} onClick={onFinished}>
          Open the workspace
        </Button>
      }
    >
      <p>A shell, the chat and the dashboard are ready. Models are added in the chat.</p>
    </Banner>
  );
}
