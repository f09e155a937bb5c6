import { useState } from 'react';
import type { EngineGpu, GpuChoice } from '../../../electron/contract';
import { Button, Dialog } from '../../ui';
import { GpuChoiceField, preferredGpuChoice } from './gpu-choice';

export interface RecreateDialogProps {
  readonly onClose: () => void;
  readonly gpu: EngineGpu | null;
  /** The choice of the settings; null while they are not known. */
  readonly wanted: GpuChoice | null;
  readonly onRecreate: (choice: GpuChoice) => void;
}

export function RecreateDialog({ onClose, gpu, wanted, onRecreate }: RecreateDialogProps) {
  const [chosen, setChosen] = useState<GpuChoice | null>(null);
  const choice = chosen ?? preferredGpuChoice(wanted, gpu);
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Recreate the sandbox?"
      description="The container is replaced by a new one from the current image and settings. Workspace and models stay; running programs, open terminals and everything outside /workspace and /models end."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            disabled={choice === null}
            onClick={() => {
              if (!choice) return;
              onClose();
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
