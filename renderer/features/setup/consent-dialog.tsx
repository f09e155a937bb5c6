import { useState } from 'react';
import { Checkbox, ConfirmDialog } from '../../ui';

export interface ConsentDialogProps {
  readonly onClose: () => void;
  readonly onConsent: (remember: boolean) => void;
}

/** Asks before a shell is opened that nothing shuts in. */
export function ConsentDialog({ onClose, onConsent }: ConsentDialogProps) {
  const [remember, setRemember] = useState(false);
  return (
    <ConfirmDialog
      open
      onOpenChange={onClose}
      title="Go on without isolation?"
      description="Shells will run on your computer as you. Whatever runs in them, also what a model proposes, can read your files and keys, change or delete them, and use your network."
      confirmLabel="Go on without isolation"
      onConfirm={() => onConsent(remember)}
    >
      <Checkbox
        label="Do not ask again on this computer"
        description="Until you switch it off in the settings. Otherwise you are asked at every start."
        checked={remember}
        onCheckedChange={setRemember}
      />
    </ConfirmDialog>
  );
}
