import { useState } from 'react';
import type { ContainerFacts } from '../../../electron/contract';
import { Checkbox, ConfirmDialog } from '../../ui';

export interface RemoveDialogProps {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly container: ContainerFacts;
  readonly onRemove: (removeVolumes: boolean) => void;
}

export function RemoveDialog({ open, onOpenChange, container, onRemove }: RemoveDialogProps) {
  const [removeVolumes, setRemoveVolumes] = useState(false);
  const volumes = container.volumes.map((volume) => volume.name).join(' and ');
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={(next) => {
        if (!next) setRemoveVolumes(false);
        onOpenChange(next);
      }}
      title={`Remove ${container.name}?`}
      description="Running programs and open terminals end, and files outside /workspace and /models are lost."
      confirmLabel={removeVolumes ? 'Remove with all data' : 'Remove'}
      onConfirm={() => onRemove(removeVolumes)}
    >
      {volumes && (
        <Checkbox
          label="Also delete the workspace and all models"
          description={`Deletes the volumes ${volumes}. This cannot be undone.`}
          checked={removeVolumes}
          onCheckedChange={setRemoveVolumes}
        />
      )}
    </ConfirmDialog>
  );
}
