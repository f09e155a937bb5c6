import { useEffect } from 'react';
import { useSandboxActions } from '../features/setup';
import { useNotify } from '../ui';

/**
 * A start or stop from the status bar, the palette or the menu may be refused while the sandbox view, which shows
 * the whole answer, is not in sight: says so and leads there.
 */
export function useActionErrorNotice(sandboxInSight: () => boolean, showSandbox: () => void): void {
  const { store } = useSandboxActions();
  const notify = useNotify();
  useEffect(
    () =>
      store.subscribe(({ error }, previous) => {
        if (!error || error === previous.error || sandboxInSight()) return;
        notify({
          tone: 'danger',
          title: error.message,
          description: error.repair?.text,
          action: { label: 'Show the sandbox', run: showSandbox },
        });
      }),
    [notify, sandboxInSight, showSandbox, store],
  );
}
