import { useState } from 'react';
import type { ContainerFacts } from '../../../electron/contract';
import { Checkbox, ConfirmDialog } from '../../ui';

export interface RemoveDialogProps {
  readonly onClose: () => void;
  readonly container: ContainerFacts;
  readonly onRemove: (removeVolumes: boolean) => void;
}

export function RemoveDialog({ onClose, container, onRemove }: RemoveDialogProps) {
  const [removeVolumes, setRemoveVolumes] = useState(false);
  const volumes = container.volumes.map((volume) => volume.name).join(' and ');
  return (
    <ConfirmDialog
      open
      onOpenChange={onClose}
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
