import { useState } from 'react';
import type { EngineGpu, GpuChoice } from '../../../electron/contract';
import { Button, Dialog } from '../../ui';
import { GpuChoiceField, gpuOffered } from './gpu-choice';

export interface RecreateDialogProps {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly gpu: EngineGpu | null;
  /** What the container has now. */
  readonly current: GpuChoice;
  readonly onRecreate: (choice: GpuChoice) => void;
}

export function RecreateDialog({ open, onOpenChange, gpu, current, onRecreate }: RecreateDialogProps) {
  const [chosen, setChosen] = useState<GpuChoice | null>(null);
  // A container that had a GPU does not become a CPU one without being asked for.
  const kept = current === 'all' && !gpuOffered(gpu) ? null : current;
  const choice = chosen ?? kept;
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => {
        if (!next) setChosen(null);
        onOpenChange(next);
      }}
      title="Recreate the sandbox?"
      description="The container is replaced by a new one from the current image and settings. Workspace and models stay; running programs, open terminals and everything outside /workspace and /models end."
      footer={
        <>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button
            variant="primary"
            disabled={choice === null}
            onClick={() => {
              if (!choice) return;
              onOpenChange(false);
              onRecreate(choice);
            }}
          >
            Recreate
          </Button>
        </>
      }
    >
      <GpuChoiceField gpu={gpu} value={choice} onValueChange={setChosen} />
    </Dialog>
  );
}
