import { useState } from 'react';
import type { HostClient } from '../../electron/rpc/client-types';
import { HostProvider } from '../client/host-context';
import { HostStateProvider } from '../client/host-state';
import { SandboxActionsProvider } from '../features/setup';
import { CommandProvider, createCommandRegistry } from '../lib/commands';
import { NoticeProvider, TooltipGroup } from '../ui';
import { AppShell } from './app-shell';
import { ErrorBoundary } from './error-boundary';
import { createLayoutStore, LayoutProvider } from './layout-store';
import type { PaneContents } from './pane-contents';

export interface AppProps {
  readonly host: HostClient;
  readonly contents: PaneContents;
}

/** The whole page over a connection to a host. */
export function App({ host, contents }: AppProps) {
  const [layout] = useState(() => createLayoutStore());
  const [registry] = useState(createCommandRegistry);
  return (
    <ErrorBoundary name="The window">
      <HostProvider value={host}>
        <HostStateProvider>
          <SandboxActionsProvider>
            <CommandProvider registry={registry}>
              <LayoutProvider value={layout}>
                <TooltipGroup>
                  <NoticeProvider>
                    <AppShell contents={contents} />
                  </NoticeProvider>
                </TooltipGroup>
              </LayoutProvider>
            </CommandProvider>
          </SandboxActionsProvider>
        </HostStateProvider>
      </HostProvider>
    </ErrorBoundary>
  );
}
