import { Play } from 'lucide-react';
import { useState } from 'react';
import type { EngineGpu, GpuChoice, SandboxStatus, Settings } from '../../../electron/contract';
import { allowedOperations, describePhase } from '../../lib/sandbox-phase';
import { Button, Spinner } from '../../ui';
import { ForeignContainer } from './foreign-container';
import { GpuChoiceField, preferredGpuChoice } from './gpu-choice';
import { OperationError } from './operation-error';
import { PartsList } from './parts-list';
import { useSandboxActions, useSandboxActionState } from './sandbox-actions';
import type { SetupStepState } from './setup-progress';
import { StepCard } from './step-card';
import styles from './setup.module.css';

export interface ContainerStepProps {
  readonly state: SetupStepState;
  readonly sandbox: SandboxStatus | null;
  readonly gpu: EngineGpu | null;
  readonly settings: Settings | null;
}

export function ContainerStep({ state, sandbox, gpu, settings }: ContainerStepProps) {
  const running = sandbox?.phase === 'healthy';
  return (
    <StepCard
      number={3}
      title="Sandbox"
      state={state}
      summary={running && sandbox.container ? `${sandbox.container.name} is running` : undefined}
    >
      {state !== 'waiting' && sandbox && <ContainerStepBody {...{ sandbox, gpu, settings }} />}
    </StepCard>
  );
}

function ContainerStepBody({
  sandbox,
  gpu,
  settings,
}: {
  readonly sandbox: SandboxStatus;
  readonly gpu: EngineGpu | null;
  readonly settings: Settings | null;
}) {
  const actions = useSandboxActions();
  const { pending, error } = useSandboxActionState();
  const [chosen, setChosen] = useState<GpuChoice | null>(null);
  const choice = chosen ?? preferredGpuChoice(settings?.gpu ?? null, gpu);
  const operation = sandbox.operation ?? pending;
  const moving = operation !== null || sandbox.phase === 'starting';
  // A foreign container is told of with what can be done about it, below.
  const shownError = error ?? (moving || sandbox.phase === 'foreign' ? null : sandbox.error);
  const allowed = allowedOperations(sandbox);

  return (
    <>
      {shownError && <OperationError error={shownError} />}
      {sandbox.phase === 'foreign' && <ForeignContainer container={sandbox.container} settings={settings} />}
      {sandbox.phase === 'absent' && !moving && (
        <>
          <p>
            Choose what models run on. Files and models live in volumes of their own and outlast the
            container.
          </p>
          <GpuChoiceField gpu={gpu} value={choice} onValueChange={setChosen} />
          <div className={styles.actions}>
            <Button
              variant="primary"
              icon={<Play size={14} />}
              disabled={choice === null}
              onClick={() => choice && void actions.create(choice)}
            >
              Create and start
            </Button>
            {choice === null && <span className={styles.hint}>Choose one to go on.</span>}
          </div>
        </>
      )}
      {moving && (
        <p className={styles.waiting} role="status">
          <Spinner /> {describePhase({ phase: sandbox.phase, operation }).label}…
        </p>
      )}
      {!moving && allowed.has('start') && (
        <div className={styles.actions}>
          <Button variant="primary" icon={<Play size={14} />} onClick={() => void actions.start()}>
            Start
          </Button>
        </div>
      )}
      {sandbox.parts.length > 0 && sandbox.phase !== 'absent' && sandbox.phase !== 'foreign' && (
        <PartsList parts={sandbox.parts} />
      )}
    </>
  );
}
