import { useEffect, type ReactNode } from 'react';
import { FakeHostClient } from '../../renderer/client/fake-host-client';
import { HostProvider } from '../../renderer/client/host-context';
import { HostStateProvider } from '../../renderer/client/host-state';
import { SandboxActionsProvider } from '../../renderer/features/setup';
import { classNames } from '../../renderer/lib/class-names';
import { NoticeProvider, TooltipGroup } from '../../renderer/ui';
import { connectedEngine, healthySandbox, settingsState } from './fixtures';
import styles from './gallery.module.css';

/** A host where everything is well; a case changes what it is about with `respond`. */
export function healthyHost(): FakeHostClient {
  return new FakeHostClient()
    .respond('engine.status', connectedEngine())
    .respond('sandbox.status', healthySandbox())
    .respond('settings.get', settingsState())
    .respond('image.buildStatus', null)
    .onStreamOpened('image.watchBuildLog', (stream) =>
      stream.push({ kind: 'snapshot', build: null, logLines: [] }),
    );
}

/** A view with all that the app gives it. */
export function withHost(host: FakeHostClient, element: ReactNode): ReactNode {
  return (
    <HostProvider value={host}>
      <HostStateProvider>
        <SandboxActionsProvider>
          <TooltipGroup>
            <NoticeProvider>{element}</NoticeProvider>
          </TooltipGroup>
        </SandboxActionsProvider>
      </HostStateProvider>
    </HostProvider>
  );
}

/** Clicks what has one of these names, one after the other, for pictures of what they open. */
export function Clicks({
  names,
  children,
}: {
  readonly names: readonly string[];
  readonly children: ReactNode;
}) {
  useEffect(() => {
    // A picture is taken when nothing is left to do.
    document.documentElement.dataset['acting'] = '';
    const left = [...names];
    const timer = setInterval(() => {
      const found = [...document.querySelectorAll<HTMLElement>('button, [role="tab"]')].find(
        (element) => (element.getAttribute('aria-label') ?? element.textContent).trim() === left[0],
      );
      if (found) {
        // Tabs are chosen by the focus, all else by the click.
        found.focus();
        found.click();
        left.shift();
      }
      if (left.length > 0) return;
      clearInterval(timer);
      delete document.documentElement.dataset['acting'];
    }, 100);
    return () => clearInterval(timer);
  }, [names]);
  return children;
}

export function Sheet({ children }: { readonly children: ReactNode }) {
  return (
    <TooltipGroup>
      <NoticeProvider>
        <div className={styles.sheet}>{children}</div>
      </NoticeProvider>
    </TooltipGroup>
  );
}

export function Specimen({
  name,
  column = false,
  children,
}: {
  readonly name: string;
  readonly column?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <section className={styles.specimen}>
      <h2 className={styles.caption}>{name}</h2>
      <div className={classNames(styles.stage, column && styles.column)}>{children}</div>
    </section>
  );
}
