import { useEffect } from 'react';
import type { ErrorData } from '../../electron/contract';
import { useEmbeddedActions, useSandboxActions } from '../features/setup';
import { useNotify } from '../ui';

/**
 * A start or stop from the status bar, the palette or the menu may be refused while the sandbox view, which shows
 * the whole answer, is not in sight: says so and leads there.
 */
export function useActionErrorNotice(sandboxInSight: () => boolean, showSandbox: () => void): void {
  const { store } = useSandboxActions();
  const { store: embeddedStore } = useEmbeddedActions();
  const notify = useNotify();
  useEffect(() => {
    const tell = (error: ErrorData | null, previous: ErrorData | null) => {
      if (!error || error === previous || sandboxInSight()) return;
      notify({
        tone: 'danger',
        title: error.message,
        description: error.repair?.text,
        action: { label: 'Show the sandbox', run: showSandbox },
      });
    };
    const stop = [
      store.subscribe((state, previous) => tell(state.error, previous.error)),
      embeddedStore.subscribe((state, previous) => tell(state.error, previous.error)),
    ];
    return () => {
      for (const each of stop) each();
    };
  }, [embeddedStore, notify, sandboxInSight, showSandbox, store]);
}
