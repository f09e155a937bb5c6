import { Settings } from 'lucide-react';
import type { ErrorCode, ErrorData } from '../../../electron/contract';
import { useRunCommand } from '../../lib/commands';
import { Button, ErrorBanner } from '../../ui';

/** Failures whose repair is another value in the settings. */
const settledInSettings: ReadonlySet<ErrorCode> = new Set(['port_in_use', 'name_in_use', 'out_of_memory']);

export interface OperationErrorProps {
  readonly error: ErrorData;
  readonly onDismiss?: () => void;
}

/** Why an operation on the sandbox failed, with the way to the settings where they are the repair. */
export function OperationError({ error, onDismiss }: OperationErrorProps) {
  const runCommand = useRunCommand();
  const toSettings = runCommand && settledInSettings.has(error.code) && (
    <Button size="small" icon={<Settings size={13} />} onClick={() => runCommand('app.settings')}>
      Open the settings
    </Button>
  );
  return <ErrorBanner error={error} onDismiss={onDismiss} actions={toSettings || undefined} />;
}
