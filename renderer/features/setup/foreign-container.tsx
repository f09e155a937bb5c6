import { useState } from 'react';
import {
  settingsSchema,
  toLmError,
  type ContainerFacts,
  type ErrorData,
  type Settings,
} from '../../../electron/contract';
import { useHost } from '../../client/host-context';
import { Banner, Button, ConfirmDialog, ErrorBanner, TextField } from '../../ui';
import { useSandboxActions, useSandboxActionState } from './sandbox-actions';
import styles from './setup.module.css';

export interface ForeignContainerProps {
  readonly container: ContainerFacts | null;
  readonly settings: Settings | null;
}

/** The configured name belongs to a container the app did not make: take it over, or take another name. */
export function ForeignContainer({ container, settings }: ForeignContainerProps) {
  const name = container?.name ?? settings?.containerName ?? 'The container';
  return (
    <>
      <Banner tone="warning" title={`There is a container “${name}” already, and this app did not make it.`}>
        {container && (
          <p>It was made from {container.imageReference}. Nothing in it is touched unless you say so.</p>
        )}
      </Banner>
      <Rename current={name} />
      <Adopt name={name} />
    </>
  );
}

function Rename({ current }: { readonly current: string }) {
  const host = useHost();
  const [name, setName] = useState(`${current}_2`);
  const [saving, setSaving] = useState(false);
  const [failure, setFailure] = useState<ErrorData | null>(null);
  const parsed = settingsSchema.shape.containerName.safeParse(name);
  const problem = parsed.success ? null : (parsed.error.issues[0]?.message ?? 'Not a container name');

  const save = async () => {
    setSaving(true);
    setFailure(null);
    try {
      await host.call('settings.update', { containerName: name });
    } catch (error) {
      setFailure(toLmError(error).data);
    }
    setSaving(false);
  };

  return (
    <form
      className={styles.rename}
      onSubmit={(event) => {
        event.preventDefault();
        if (!problem) void save();
      }}
    >
      <TextField label="Use another name" mono value={name} onValueChange={setName} error={problem} />
      <Button type="submit" variant="primary" busy={saving} disabled={problem !== null || name === current}>
        Use this name
      </Button>
      {failure && <ErrorBanner error={failure} />}
    </form>
  );
}

function Adopt({ name }: { readonly name: string }) {
  const actions = useSandboxActions();
  const { pending } = useSandboxActionState();
  const [asking, setAsking] = useState(false);
  return (
    <div className={styles.actions}>
      <Button busy={pending === 'adopt'} onClick={() => setAsking(true)}>
        Adopt this container…
      </Button>
      <span className={styles.hint}>Only if it was made from the sandbox image.</span>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={`Adopt ${name}?`}
        description="The app will start, stop and, when you ask for it, recreate or remove this container as if it had made it."
        confirmLabel="Adopt"
        tone="neutral"
        onConfirm={() => void actions.adopt()}
      />
    </div>
  );
}
